import type { StreamKind } from "../../contract/frames.ts";
import type { UserId } from "../../contract/person.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS open_streams (
    user TEXT PRIMARY KEY, http INTEGER NOT NULL, sse INTEGER NOT NULL, websocket INTEGER NOT NULL
  );
`;

type Counts = Record<StreamKind, number>;

/** How many relayed streams each workspace has open, as it told last; one without any is not here. */
export class OpenStreams {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  take(user: UserId, { http, sse, websocket }: Readonly<Counts>): void {
    const [before] = this.#sql.exec<Counts>("SELECT * FROM open_streams WHERE user = ?", user).toArray();
    if (before?.http === http && before.sse === sse && before.websocket === websocket) return;
    if (http + sse + websocket > 0)
      this.#sql.exec("INSERT OR REPLACE INTO open_streams VALUES (?, ?, ?, ?)", user, http, sse, websocket);
    else if (before !== undefined) this.#sql.exec("DELETE FROM open_streams WHERE user = ?", user);
  }

  /** Of all workspaces together. */
  totals(): Counts {
    return this.#sql
      .exec<Counts>(
        `SELECT COALESCE(SUM(http), 0) AS http, COALESCE(SUM(sse), 0) AS sse, COALESCE(SUM(websocket), 0) AS websocket
         FROM open_streams`,
      )
      .one();
  }
}
