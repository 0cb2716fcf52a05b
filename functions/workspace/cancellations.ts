import type { CanceledBy } from "../../contract/session.ts";
import type { Caller } from "./api.ts";
import type { StoredSession } from "./store.ts";
import { Table } from "./table.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS cancellations (
    n INTEGER PRIMARY KEY AUTOINCREMENT, session TEXT NOT NULL UNIQUE, name TEXT NOT NULL, reason TEXT NOT NULL
  );
`;

/** As many as there may be ended sessions. */
const KEPT = 500;

/** Which sessions somebody else than their owner has canceled, and why: their owner is to know. */
export class Cancellations {
  readonly #table: Table;
  readonly #owner: () => string | undefined;
  readonly #notify: (session: StoredSession["spec"]["id"], text: string) => void;
  readonly #known = new Map<string, CanceledBy>();

  constructor(
    sql: SqlStorage,
    options: {
      /** Whose sessions they are. */
      owner: () => string | undefined;
      /** Puts a line behind the owner's bell. */
      notify: (session: StoredSession["spec"]["id"], text: string) => void;
    },
  ) {
    this.#table = new Table(sql, SCHEMA);
    this.#owner = options.owner;
    this.#notify = options.notify;
    for (const { session, name, reason } of this.#table.exec<CanceledBy & { session: string }>(
      "SELECT session, name, reason FROM cancellations",
    ))
      this.#known.set(session, { name, reason });
  }

  /** Notes who cancels a session, unless it is its owner. */
  note(stored: StoredSession, by: Caller, reason: string | undefined): void {
    if (by.via !== "webhook" && by.user === this.#owner()) return;
    const { id, name: session } = stored.spec;
    const canceled: CanceledBy = { name: by.name, reason: reason ?? "" };
    this.#known.set(id, canceled);
    this.#table.insert(
      "INSERT OR REPLACE INTO cancellations (session, name, reason) VALUES (?, ?, ?)",
      id,
      canceled.name,
      canceled.reason,
    );
    this.#table.exec("DELETE FROM cancellations WHERE n <= (SELECT MAX(n) FROM cancellations) - ?", KEPT);
    this.#notify(id, `${session} was canceled by ${by.name}${reason === undefined ? "" : `: ${reason}`}`);
  }

  /** Who else than its owner has canceled a session; null when nobody has. */
  of(session: string): CanceledBy | null {
    return this.#known.get(session) ?? null;
  }
}
