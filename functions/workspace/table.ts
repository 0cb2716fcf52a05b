/** The names of a storage's tables and indices: asked for once by each object that wakes. */
const known = new WeakMap<SqlStorage, Set<string>>();

function namesIn(sql: SqlStorage): Set<string> {
  let names = known.get(sql);
  if (names === undefined) {
    const rows = sql.exec<{ name: string }>("SELECT name FROM sqlite_master").toArray();
    names = new Set(rows.map(({ name }) => name));
    known.set(sql, names);
  }
  return names;
}

/**
 * A table that is made when something is first written to it; with its indices, or several that belong together. A
 * workspace uses few of its tables while it idles, and each costs an object that wakes a page, a definition and a statement.
 */
export class Table {
  readonly #sql: SqlStorage;
  readonly #schema: string;
  readonly #wanted: readonly string[];

  /** @param schema statements that begin with `CREATE TABLE IF NOT EXISTS` or `CREATE INDEX IF NOT EXISTS`, and nothing else */
  constructor(sql: SqlStorage, schema: string) {
    this.#sql = sql;
    this.#schema = schema;
    const names = schema.matchAll(/CREATE (?:TABLE|INDEX) IF NOT EXISTS (\w+)/g);
    this.#wanted = [...names].map(([, name = ""]) => name);
    // Where some of it was made by an earlier edge: what that wrote is to be found.
    if (this.#wanted.some((name) => namesIn(sql).has(name))) this.#make();
  }

  /** Executes a statement on what there is, and returns its rows: none, whatever it is, while nothing was ever inserted. */
  exec<Row extends Record<string, SqlStorageValue>>(statement: string, ...bindings: unknown[]): Row[] {
    return this.#exists() ? this.#sql.exec<Row>(statement, ...bindings).toArray() : [];
  }

  /** Executes a statement that inserts, and returns its rows. */
  insert<Row extends Record<string, SqlStorageValue>>(statement: string, ...bindings: unknown[]): Row[] {
    this.#make();
    return this.#sql.exec<Row>(statement, ...bindings).toArray();
  }

  #exists(): boolean {
    const names = namesIn(this.#sql);
    return this.#wanted.every((name) => names.has(name));
  }

  #make(): void {
    if (this.#exists()) return;
    this.#sql.exec(this.#schema);
    for (const name of this.#wanted) namesIn(this.#sql).add(name);
  }
}
