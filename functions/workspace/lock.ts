import { BerthError } from "../../contract/problem.ts";
import { Table } from "./table.ts";

/** Who has locked a workspace's user out, since when (milliseconds since 1970), and why. */
export type LockedOut = { since: number; by: string; reason: string };

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS lock (
    id INTEGER PRIMARY KEY CHECK (id = 1), since INTEGER NOT NULL, by TEXT NOT NULL, reason TEXT NOT NULL
  );
`;

/** Whether an operator has locked a workspace's user out. While it is so, nobody gets in by any proof; see lock-out.ts. */
export class Lock {
  readonly #table: Table;
  /** Also held in memory: every request asks. */
  #lockedOut: LockedOut | null;

  constructor(sql: SqlStorage) {
    this.#table = new Table(sql, SCHEMA);
    this.#lockedOut = this.#table.exec<LockedOut>("SELECT since, by, reason FROM lock")[0] ?? null;
  }

  /** Null while it is open. */
  get lockedOut(): LockedOut | null {
    return this.#lockedOut;
  }

  /** Locks. Of one that is locked already only by whom and why is new. */
  close(by: string, reason: string, now: number): LockedOut {
    const since = this.#lockedOut?.since ?? now;
    this.#lockedOut = { since, by, reason };
    this.#table.insert("INSERT OR REPLACE INTO lock VALUES (1, ?, ?, ?)", since, by, reason);
    return this.#lockedOut;
  }

  /** False when it was open. */
  open(): boolean {
    if (this.#lockedOut === null) return false;
    this.#lockedOut = null;
    this.#table.exec("DELETE FROM lock");
    return true;
  }

  /**
   * To be called where somebody is let in.
   * @throws BerthError `locked_out`, without the reason: anybody may have come by a token
   */
  check(): void {
    if (this.#lockedOut !== null) throw new BerthError("locked_out", "an operator has locked this account");
  }

  /**
   * The same for somebody who has just proved who they are: they are told why, and whom to ask.
   * @throws BerthError `locked_out`
   */
  checkLogin(): void {
    if (this.#lockedOut === null) return;
    const { by, reason } = this.#lockedOut;
    throw new BerthError("locked_out", `${by} has locked this account: ${reason}`);
  }
}
