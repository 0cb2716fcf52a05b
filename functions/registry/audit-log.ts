import type { AuditLine } from "../../contract/operator.ts";
import type { UserId } from "../../contract/person.ts";
import type { Caller } from "../workspace/api.ts";
import type { AuditEntry } from "../workspace/audit.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS audit_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL,
    action TEXT NOT NULL, by TEXT NOT NULL, session TEXT, detail TEXT, UNIQUE (user, seq)
  );
  CREATE TABLE IF NOT EXISTS audit_acknowledged (user TEXT PRIMARY KEY, seq INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS audit_log_by_session ON audit_log (session) WHERE session IS NOT NULL;
`;

/** The newest so many are kept, so many of one workspace, and none longer than so long. */
const KEPT = 200_000;
const KEPT_EACH = 20_000;
const KEPT_MS = 400 * 86_400_000;
/** Of those that are too old, so many go with each report. */
const FORGOTTEN_AT_ONCE = 1000;

/** Which lines. Times in milliseconds since 1970; `from` is included, `to` is not. */
export type AuditQuery = {
  user?: UserId | undefined;
  action?: string | undefined;
  session?: string | undefined;
  from?: number | undefined;
  to?: number | undefined;
};

/** A page of them: after an id oldest first, or before one newest first. */
export type AuditPage = { order: "oldest" | "newest"; beyond?: number | undefined; limit: number };

type Row = Omit<AuditEntry, "by" | "seq" | "action"> & {
  id: number;
  user: UserId;
  userName: string | null;
  by: string;
  action: string;
};

/** What was done in all workspaces, in the order in which they told. */
export class AuditLog {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  /** The last entry of a workspace's that was ever taken: it may have been forgotten since. */
  acknowledged(user: UserId): number {
    const [row] = this.#sql
      .exec<{ seq: number }>("SELECT seq FROM audit_acknowledged WHERE user = ?", user)
      .toArray();
    return row?.seq ?? 0;
  }

  /** Takes a workspace's entries, oldest first, but for those that were taken before. Returns those that are new. */
  take(user: UserId, entries: readonly AuditEntry[], now: number): AuditEntry[] {
    const acknowledged = this.acknowledged(user);
    const added = entries.filter(({ seq }) => seq > acknowledged);
    for (const { seq, at, action, by, session, detail } of added) {
      this.#sql.exec(
        "INSERT INTO audit_log (user, seq, at, action, by, session, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
        user,
        seq,
        at,
        action,
        JSON.stringify(by),
        session,
        detail,
      );
    }
    const last = added.at(-1);
    if (last === undefined) return [];
    this.#sql.exec("INSERT OR REPLACE INTO audit_acknowledged VALUES (?, ?)", user, last.seq);
    // An agent that comes and goes, or a user who means to, would drive out what others have done.
    this.#sql.exec("DELETE FROM audit_log WHERE user = ? AND seq <= ?", user, last.seq - KEPT_EACH);
    this.#forget(now);
    return added;
  }

  /** At most `limit` lines that the query asks for. */
  async page(query: AuditQuery, { order, beyond, limit }: AuditPage): Promise<AuditLine[]> {
    const filters: [condition: string, value: string | number | undefined][] = [
      ["log.user = ?", query.user],
      ["log.action = ?", query.action],
      ["log.session = ?", query.session],
      ["log.at >= ?", query.from],
      ["log.at < ?", query.to],
      [order === "oldest" ? "log.id > ?" : "log.id < ?", beyond],
    ];
    const given = filters.filter((filter): filter is [string, string | number] => filter[1] !== undefined);
    const where = given.length === 0 ? "" : `WHERE ${given.map(([condition]) => condition).join(" AND ")}`;
    return this.#sql
      .exec<Row>(
        `SELECT log.id, log.user, json_extract(users.person, '$.name') AS userName, log.at, log.action, log.by, log.session,
           log.detail
         FROM audit_log AS log LEFT JOIN users ON users.id = log.user ${where}
         ORDER BY log.id ${order === "oldest" ? "ASC" : "DESC"} LIMIT ?`,
        ...given.map(([, value]) => value),
        limit,
      )
      .toArray()
      .map(line);
  }

  #forget(now: number): void {
    this.#sql.exec("DELETE FROM audit_log WHERE id <= (SELECT MAX(id) FROM audit_log) - ?", KEPT);
    const [oldest] = this.#sql.exec<{ at: number }>("SELECT at FROM audit_log ORDER BY id LIMIT 1").toArray();
    if (oldest === undefined || oldest.at >= now - KEPT_MS) return;
    // By id: in about the order of their times, and without an index that every entry would pay for.
    this.#sql.exec(
      "DELETE FROM audit_log WHERE at < ? AND id IN (SELECT id FROM audit_log ORDER BY id LIMIT ?)",
      now - KEPT_MS,
      FORGOTTEN_AT_ONCE,
    );
  }
}

function line({ id, user, userName, at, action, by, session, detail }: Row): AuditLine {
  const { from, ...who } = JSON.parse(by) as Caller;
  return { id, at: new Date(at).toISOString(), user, userName, action, by: who, session, from, detail };
}
