import type { UserId } from "../../contract/person.ts";
import type { Chore } from "./alarm.ts";
import { Table } from "./table.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS visits (
    login TEXT NOT NULL, owner TEXT NOT NULL, retry INTEGER NOT NULL, PRIMARY KEY (login, owner)
  );
`;

/** An owner who could not be told is told again after so long. Milliseconds. */
const RETRY_MS = 30_000;

export type VisitsOptions = {
  sql: SqlStorage;
  isLive: (login: string) => boolean;
  /** Notes that a login was in use at a time, milliseconds since 1970. */
  keep: (login: string, used: number) => void;
  /** Tells an owner that a login of this workspace's user is over. */
  leave: (owner: UserId, login: string) => Promise<void>;
  /** The time of what is due may have changed. */
  onChange: () => void;
};

/**
 * In whose sessions this workspace's user is a guest, and by which login: when a login is over, however it ended, their
 * owners are told until they have heard it. Functions call it by `partOf(env, user, "visits")`.
 */
export class Visits implements Chore {
  readonly #options: VisitsOptions;
  readonly #table: Table;

  constructor(options: VisitsOptions) {
    this.#options = options;
    this.#table = new Table(options.sql, SCHEMA);
  }

  /** Notes that a login was let into a session of `owner`. To be awaited before the guest is. */
  async remember(login: string, owner: UserId): Promise<void> {
    this.#table.insert(
      "INSERT INTO visits (login, owner, retry) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
      login,
      owner,
      Date.now(),
    );
    this.#options.onChange();
  }

  /** An owner tells that a login of this workspace's user was in use as their guest's. */
  async keep(login: string, used: number): Promise<void> {
    // Another object's clock may be ahead.
    this.#options.keep(login, Math.min(used, Date.now()));
  }

  due(): number | null {
    const times = this.#over().map(({ retry }) => retry);
    return times.length === 0 ? null : Math.min(...times);
  }

  async run(now: number): Promise<void> {
    const { leave } = this.#options;
    const told = this.#over()
      .filter(({ retry }) => retry <= now)
      .map(async ({ login, owner }) => {
        try {
          await leave(owner, login);
          this.#table.exec("DELETE FROM visits WHERE login = ? AND owner = ?", login, owner);
        } catch (error) {
          console.error("an owner was not told that a guest has gone:", error);
          const retry = now + RETRY_MS;
          this.#table.exec("UPDATE visits SET retry = ? WHERE login = ? AND owner = ?", retry, login, owner);
        }
      });
    await Promise.all(told);
  }

  /** Those by logins that are over. */
  #over(): { login: string; owner: UserId; retry: number }[] {
    const { isLive } = this.#options;
    return this.#table
      .exec<{ login: string; owner: UserId; retry: number }>("SELECT login, owner, retry FROM visits")
      .filter(({ login }) => !isLive(login));
  }
}
