import { Table } from "./table.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS registry_outbox (
    id INTEGER PRIMARY KEY CHECK (id = 1), due INTEGER, changed_at INTEGER, version INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL, failures INTEGER NOT NULL, spread_ms INTEGER NOT NULL, online INTEGER NOT NULL,
    online_since INTEGER
  );
`;

/** Until the registry has said otherwise. Milliseconds. */
const FIRST_SPREAD_MS = 4000;

type State = {
  /** When the next report is to go; null: there is nothing to tell. */
  due: number | null;
  /** Since when something waits to be told. */
  changedAt: number | null;
  /** Of the last report that the registry has. */
  version: number;
  /** The last audit entry that the registry has. */
  acknowledged: number;
  /** How often it has failed since it last took one. */
  failures: number;
  spreadMs: number;
  online: boolean;
  /** When the agent came, or went; null: it never came. */
  onlineSince: number | null;
};

const EMPTY: State = {
  due: null,
  changedAt: null,
  version: 0,
  acknowledged: 0,
  failures: 0,
  spreadMs: FIRST_SPREAD_MS,
  online: false,
  onlineSince: null,
};

/** How far a workspace has told the registry what there is; in SQLite, and in memory. Times in milliseconds since 1970. */
export class OutboxState {
  readonly #table: Table;
  #state: State = EMPTY;

  constructor(sql: SqlStorage) {
    this.#table = new Table(sql, SCHEMA);
    type Row = Omit<State, "online"> & { online: number };
    const [row] = this.#table.exec<Row>(
      `SELECT due, changed_at AS changedAt, version, acknowledged, failures, spread_ms AS spreadMs, online,
         online_since AS onlineSince FROM registry_outbox`,
    );
    if (row !== undefined) this.#state = { ...row, online: row.online === 1 };
  }

  get value(): Readonly<State> {
    return this.#state;
  }

  save(changes: Partial<State>): void {
    this.#state = { ...this.#state, ...changes };
    const { due, changedAt, version, acknowledged, failures, spreadMs, online, onlineSince } = this.#state;
    this.#table.insert(
      "INSERT OR REPLACE INTO registry_outbox VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
      due,
      changedAt,
      version,
      acknowledged,
      failures,
      spreadMs,
      online ? 1 : 0,
      onlineSince,
    );
  }
}
