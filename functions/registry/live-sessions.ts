import type { OperatorSession } from "../../contract/operator.ts";
import type { UserId } from "../../contract/person.ts";
import type { SessionState } from "../../contract/session.ts";
import type { LiveSession } from "./workspace-report.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS live_sessions (
    key INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL,
    session TEXT NOT NULL, UNIQUE (user, id)
  );
`;

/** What to list. `after` is the `next` of the page before. */
export type SessionQuery = {
  state?: SessionState | undefined;
  user?: UserId | undefined;
  /** Words that its name, service, id, resource, node or owner holds. */
  search?: string | undefined;
  after?: number | undefined;
  limit: number;
};

export type SessionPage = { sessions: OperatorSession[]; next: number | null };

type Row = { key: number; user: UserId; session: string; name: string | null; online: number };

/** The sessions that have not ended, of everybody, as the workspaces told last. */
export class LiveSessions {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  /** Takes all of a user's, the newest first: those that are missing have ended. Only what differs is written. */
  take(user: UserId, sessions: readonly LiveSession[]): void {
    const before = new Map(
      this.#sql
        .exec<{ id: string; session: string }>("SELECT id, session FROM live_sessions WHERE user = ?", user)
        .toArray()
        .map(({ id, session }) => [id, session]),
    );
    for (const session of sessions.toReversed()) {
      const text = JSON.stringify(session);
      if (before.get(session.id) !== text) {
        this.#sql.exec(
          `INSERT INTO live_sessions (user, id, state, session) VALUES (?, ?, ?, ?)
           ON CONFLICT (user, id) DO UPDATE SET state = excluded.state, session = excluded.session`,
          user,
          session.id,
          session.state,
          text,
        );
      }
      before.delete(session.id);
    }
    for (const id of before.keys())
      this.#sql.exec("DELETE FROM live_sessions WHERE user = ? AND id = ?", user, id);
  }

  /** Newest first, in the order in which the registry heard of them. */
  async page(query: SessionQuery): Promise<SessionPage> {
    const words = (query.search ?? "").toLowerCase().split(/\s+/).filter(Boolean).slice(0, 8);
    const filters: [condition: string, value: string | number | undefined][] = [
      ["live_sessions.state = ?", query.state],
      ["live_sessions.user = ?", query.user],
      ["live_sessions.key < ?", query.after],
      ...words.map((word): [string, string] => [
        "instr(lower(live_sessions.session) || char(10) || users.words, ?) > 0",
        word,
      ]),
    ];
    const given = filters.filter((filter): filter is [string, string | number] => filter[1] !== undefined);
    const where = given.length === 0 ? "" : `WHERE ${given.map(([condition]) => condition).join(" AND ")}`;
    const rows = this.#sql
      .exec<Row>(
        `SELECT live_sessions.key, live_sessions.user, live_sessions.session, users.online,
           json_extract(users.person, '$.name') AS name
         FROM live_sessions JOIN users ON users.id = live_sessions.user ${where}
         ORDER BY live_sessions.key DESC LIMIT ?`,
        ...given.map(([, value]) => value),
        query.limit + 1,
      )
      .toArray();
    const shown = rows.slice(0, query.limit);
    return {
      sessions: shown.map(operatorSession),
      next: rows.length > query.limit ? (shown.at(-1)?.key ?? null) : null,
    };
  }
}

function operatorSession(row: Row): OperatorSession {
  const { createdAt, startedAt, ...session } = JSON.parse(row.session) as LiveSession;
  return {
    user: row.user,
    userName: row.name,
    ...session,
    reachable: row.online === 1,
    createdAt: new Date(createdAt).toISOString(),
    startedAt: startedAt === null ? null : new Date(startedAt).toISOString(),
  };
}
