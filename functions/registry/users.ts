import type { UserId } from "../../contract/person.ts";

/** Who has a workspace, as the workspaces tell it. */
export class Users {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec("CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY)");
  }

  /** Everybody's id. */
  async list(): Promise<UserId[]> {
    return this.#sql
      .exec<{ id: UserId }>("SELECT id FROM users ORDER BY id")
      .toArray()
      .map(({ id }) => id);
  }
}
