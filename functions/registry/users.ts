import { noSessions, type OperatorUser, type OperatorWorkspace } from "../../contract/operator.ts";
import { Person, type UserId } from "../../contract/person.ts";
import type { SessionState } from "../../contract/session.ts";
import type { LockedOut } from "../workspace/lock.ts";
import type { WorkspaceSnapshot } from "./workspace-report.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, told INTEGER NOT NULL, person TEXT, words TEXT NOT NULL, seen INTEGER,
    host TEXT, account TEXT, agent_version TEXT, online INTEGER NOT NULL, since INTEGER, counts TEXT NOT NULL,
    dead INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS lock_outs (
    user TEXT PRIMARY KEY, locked_since INTEGER NOT NULL, locked_by TEXT NOT NULL, locked_reason TEXT NOT NULL
  );
`;

type Row = {
  id: UserId;
  told: number;
  person: string | null;
  seen: number | null;
  host: string | null;
  account: string | null;
  agent_version: string | null;
  online: number;
  since: number | null;
  counts: string;
  dead: number;
  /** All three are null for somebody who is not locked out. */
  locked_since: number | null;
  locked_by: string | null;
  locked_reason: string | null;
};

/** Somebody, and their workspace. */
export type KnownUser = { user: OperatorUser; workspace: OperatorWorkspace };

/** What to list: those whose name, address, host or id holds all the words; those after an id. */
export type UserQuery = {
  search?: string | undefined;
  after?: string | undefined;
  /** With webhooks that could not be delivered. */
  dead?: boolean | undefined;
  /** By id, or whoever was last heard of first: only the first page has that order. */
  order?: "id" | "told" | undefined;
  limit: number;
};

const iso = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString());

/** Who has a workspace, as the workspaces told last. */
export class Users {
  readonly #sql: SqlStorage;
  /** How many there are: every report asks, and counting them reads them all. */
  #count: number;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
    this.#count = sql.exec<{ count: number }>("SELECT COUNT(*) AS count FROM users").one().count;
  }

  /** Of the last report that was taken from a workspace; 0 before the first. */
  versionOf(id: UserId): number {
    const [row] = this.#sql.exec<{ version: number }>("SELECT version FROM users WHERE id = ?", id).toArray();
    return row?.version ?? 0;
  }

  /** Takes what a workspace tells. */
  take(id: UserId, version: number, snapshot: WorkspaceSnapshot, now: number): void {
    const { owner, seen, agent, counts, dead } = snapshot;
    const lockedOut = snapshot.lockedOut ?? this.#lockedSince(id, version);
    if (this.versionOf(id) === 0) this.#count += 1;
    const { host, user: account, version: agentVersion } = agent;
    const lock = lockedOut === null ? null : "locked out";
    const words = [id, owner?.name, owner?.email, owner?.subject, host, account, agentVersion, lock];
    this.#sql.exec(
      "INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      id,
      version,
      now,
      owner === null ? null : JSON.stringify(owner),
      words
        .filter((word) => word !== null && word !== undefined)
        .join("\n")
        .toLowerCase(),
      // Of who is logged out everywhere it stays known.
      seen ?? this.#seen(id),
      host,
      account,
      agentVersion,
      // Its link is closed, or is just being.
      agent.online && lockedOut === null ? 1 : 0,
      agent.since,
      JSON.stringify(counts),
      dead,
    );
    this.#lock(id, lockedOut);
  }

  /** An operator has just locked somebody out, or let them in: it is seen at once, and told by their workspace later. */
  async locked(id: UserId, lockedOut: LockedOut | null): Promise<void> {
    this.#lock(id, lockedOut);
    if (lockedOut !== null)
      this.#sql.exec(
        "UPDATE users SET online = 0, since = ? WHERE id = ? AND online = 1",
        lockedOut.since,
        id,
      );
  }

  /** The lock that has come after a report: that one was on its way, and knows nothing of it. A version is a time, too. */
  #lockedSince(id: UserId, version: number): LockedOut | null {
    const [row] = this.#sql
      .exec<LockedOut>(
        `SELECT locked_since AS since, locked_by AS "by", locked_reason AS reason FROM lock_outs
         WHERE user = ? AND locked_since > ?`,
        id,
        version,
      )
      .toArray();
    return row ?? null;
  }

  #seen(id: UserId): number | null {
    const [row] = this.#sql
      .exec<{ seen: number | null }>("SELECT seen FROM users WHERE id = ?", id)
      .toArray();
    return row?.seen ?? null;
  }

  #lock(id: UserId, lockedOut: LockedOut | null): void {
    if (lockedOut === null) {
      this.#sql.exec("DELETE FROM lock_outs WHERE user = ?", id);
      return;
    }
    const { since, by, reason } = lockedOut;
    this.#sql.exec("INSERT OR REPLACE INTO lock_outs VALUES (?, ?, ?, ?)", id, since, by, reason);
  }

  get size(): number {
    return this.#count;
  }

  /** True for somebody whose workspace has ever told of itself. */
  async has(id: UserId): Promise<boolean> {
    return this.versionOf(id) > 0;
  }

  async list(query: UserQuery): Promise<KnownUser[]> {
    const words = (query.search ?? "").toLowerCase().split(/\s+/).filter(Boolean).slice(0, 8);
    const conditions = [
      ...words.map(() => "instr(words, ?) > 0"),
      ...(query.after === undefined ? [] : ["id > ?"]),
      ...(query.dead === true ? ["dead > 0"] : []),
    ];
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const order = query.order === "told" ? "online DESC, told DESC" : "id";
    const values = [...words, ...(query.after === undefined ? [] : [query.after]), query.limit];
    return this.#sql
      .exec<Row>(
        `SELECT * FROM users LEFT JOIN lock_outs ON lock_outs.user = users.id ${where} ORDER BY ${order} LIMIT ?`,
        ...values,
      )
      .toArray()
      .map(known);
  }

  /** How many there are of what, over all workspaces. */
  async totals(): Promise<UserTotals> {
    const [row] = this.#sql
      .exec<Omit<UserTotals, "sessions">>(
        `SELECT COUNT(*) AS users, COALESCE(SUM(host IS NOT NULL), 0) AS agents, COALESCE(SUM(online), 0) AS online,
           COALESCE(SUM(dead), 0) AS dead FROM users`,
      )
      .toArray();
    const sessions = noSessions();
    const counts = this.#sql.exec<{ state: SessionState; count: number }>(
      "SELECT key AS state, SUM(value) AS count FROM users, json_each(counts) GROUP BY key",
    );
    for (const { state, count } of counts) sessions[state] = count;
    return { users: 0, agents: 0, online: 0, dead: 0, ...row, sessions };
  }
}

/** `agents`: those that have ever connected. */
export type UserTotals = {
  users: number;
  agents: number;
  online: number;
  dead: number;
  sessions: Record<SessionState, number>;
};

function lockOf(row: Row): OperatorUser["lockedOut"] {
  const { locked_since: since, locked_by: by, locked_reason: reason } = row;
  if (since === null || by === null || reason === null) return null;
  return { since: new Date(since).toISOString(), by, reason };
}

function known(row: Row): KnownUser {
  const person = row.person === null ? null : Person.parse(JSON.parse(row.person));
  const { id } = row;
  return {
    user: {
      id,
      name: person?.name ?? null,
      email: person?.email ?? null,
      issuer: person?.issuer ?? null,
      subject: person?.subject ?? null,
      role: person?.role ?? null,
      groups: person?.groups ?? [],
      seenAt: iso(row.seen),
      lockedOut: lockOf(row),
    },
    workspace: {
      user: id,
      userName: person?.name ?? null,
      host: row.host,
      account: row.account,
      version: row.agent_version,
      online: row.online === 1,
      since: iso(row.since),
      sessions: { ...noSessions(), ...(JSON.parse(row.counts) as Partial<Record<SessionState, number>>) },
      deadWebhooks: row.dead,
      toldAt: new Date(row.told).toISOString(),
    },
  };
}
