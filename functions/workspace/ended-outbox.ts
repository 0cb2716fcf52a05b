import { Table } from "./table.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS ended_outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL UNIQUE
  );
`;

/** The sessions that have ended and of which the registry does not know it yet, in the order in which they ended. */
export class EndedOutbox {
  readonly #table: Table;

  constructor(sql: SqlStorage) {
    this.#table = new Table(sql, SCHEMA);
  }

  add(session: string): void {
    this.#table.insert("INSERT INTO ended_outbox (session) VALUES (?) ON CONFLICT DO NOTHING", session);
  }

  /** At most `count` ids, those that ended first. */
  first(count: number): string[] {
    return this.#table
      .exec<{ session: string }>("SELECT session FROM ended_outbox ORDER BY seq LIMIT ?", count)
      .map(({ session }) => session);
  }

  /** The registry knows of these. */
  forget(sessions: readonly string[]): void {
    for (const session of sessions) this.#table.exec("DELETE FROM ended_outbox WHERE session = ?", session);
  }
}
