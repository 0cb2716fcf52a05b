import type { UserId } from "../../contract/person.ts";
import type { SessionState } from "../../contract/session.ts";

/** What to list. `after` is the `next` of the page before. */
export type SessionQuery = {
  state?: SessionState | undefined;
  user?: UserId | undefined;
  /** Words that its name, service, id, resource, node, error or owner holds. */
  search?: string | undefined;
  after?: number | undefined;
  limit: number;
};

/** A session of somebody's: as JSON, with what their workspace told last of themselves. */
export type SessionRow = { key: number; user: UserId; session: string; name: string | null; online: number };

/** The columns of both tables: those of live sessions and of ended ones. */
export const schemaOf = (table: "live_sessions" | "ended_sessions"): string => `
  CREATE TABLE IF NOT EXISTS ${table} (
    key INTEGER PRIMARY KEY AUTOINCREMENT, user TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL,
    session TEXT NOT NULL, UNIQUE (user, id)
  );
`;

/** Those that a query asks for: newest first, in the order in which the registry heard of them. */
export function sessionRows(
  sql: SqlStorage,
  table: "live_sessions" | "ended_sessions",
  query: SessionQuery,
): { rows: SessionRow[]; next: number | null } {
  const words = (query.search ?? "").toLowerCase().split(/\s+/).filter(Boolean).slice(0, 8);
  const filters: [condition: string, value: string | number | undefined][] = [
    ["told.state = ?", query.state],
    ["told.user = ?", query.user],
    ["told.key < ?", query.after],
    ...words.map((word): [string, string] => [
      "instr(lower(told.session) || char(10) || users.words, ?) > 0",
      word,
    ]),
  ];
  const given = filters.filter((filter): filter is [string, string | number] => filter[1] !== undefined);
  const where = given.length === 0 ? "" : `WHERE ${given.map(([condition]) => condition).join(" AND ")}`;
  const found = sql
    .exec<SessionRow>(
      `SELECT told.key, told.user, told.session, users.online, json_extract(users.person, '$.name') AS name
       FROM ${table} AS told JOIN users ON users.id = told.user ${where} ORDER BY told.key DESC LIMIT ?`,
      ...given.map(([, value]) => value),
      query.limit + 1,
    )
    .toArray();
  const rows = found.slice(0, query.limit);
  return { rows, next: found.length > query.limit ? (rows.at(-1)?.key ?? null) : null };
}

/** The last moment that RFC 3339 can spell. */
const LAST = Date.UTC(9999, 11, 31);

/** A time that an agent may have said, and so may be any number; milliseconds since 1970. */
export const spellTime = (time: number): string => new Date(Math.min(Math.max(time, 0), LAST)).toISOString();

export const spellTimeOrNull = (time: number | null): string | null =>
  time === null ? null : spellTime(time);
