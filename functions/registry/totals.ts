import type { UserId } from "../../contract/person.ts";
import type { WorkspaceSnapshot } from "./workspace-report.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS totals (key TEXT PRIMARY KEY, value REAL NOT NULL);
  CREATE TABLE IF NOT EXISTS counted (user TEXT PRIMARY KEY, run TEXT NOT NULL, counts TEXT NOT NULL);
`;

type Counts = Readonly<Record<string, number>>;

/** Sums over all workspaces and all times: what only ever grows. */
export class Totals {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  add(key: string, value: number): void {
    this.#sql.exec(
      "INSERT INTO totals VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value",
      key,
      value,
    );
  }

  /** Adds what a workspace has counted since it told last. */
  take(user: UserId, { run, values }: WorkspaceSnapshot["counters"]): void {
    const [row] = this.#sql
      .exec<{ run: string; counts: string }>("SELECT run, counts FROM counted WHERE user = ?", user)
      .toArray();
    // In another life of the object the counts began anew.
    const before: Counts = row?.run === run ? (JSON.parse(row.counts) as Counts) : {};
    let changes = 0;
    for (const [key, value] of Object.entries(values)) {
      const more = value - (before[key] ?? 0);
      if (more <= 0) continue;
      this.add(key, more);
      changes += 1;
    }
    if (changes > 0)
      this.#sql.exec("INSERT OR REPLACE INTO counted VALUES (?, ?, ?)", user, run, JSON.stringify(values));
  }

  /** Everything that was added up, by key. */
  all(): Map<string, number> {
    return new Map(
      this.#sql
        .exec<{ key: string; value: number }>("SELECT key, value FROM totals ORDER BY key")
        .toArray()
        .map(({ key, value }) => [key, value]),
    );
  }
}
