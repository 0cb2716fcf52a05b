import type { ShareId } from "../../contract/ids.ts";
import type { Chore } from "./alarm.ts";
import type { Guest } from "./share-table.ts";
import { Table } from "./table.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS guest_use (
    share TEXT NOT NULL, login TEXT NOT NULL, used INTEGER NOT NULL, told INTEGER NOT NULL, PRIMARY KEY (share, login)
  );
`;

/** That a guest uses a session is written down at most so often. Milliseconds. */
const USED_MS = 60_000;
/** And their own workspace is told at most so often: less than any login may idle. Milliseconds. */
const TELL_MS = 300_000;

type Use = Pick<Guest, "share" | "login"> & { used: number; told: number };

export type GuestUseOptions = {
  sql: SqlStorage;
  /** Somebody whom a share still lets in. */
  guest: (share: ShareId, login: string) => Guest | undefined;
  /** Tells a guest's own workspace that their login was in use at a time, milliseconds since 1970. */
  tell: (guest: Guest, used: number) => Promise<void>;
  /** The time of what is due may have changed. */
  onChange: () => void;
};

/**
 * When each guest last used what is shared with them. Their login is another workspace's, which is told now and then, so
 * that it does not end for being idle while they work here. Held in memory too: every request of a guest notes its time.
 */
export class GuestUse implements Chore {
  readonly #options: GuestUseOptions;
  readonly #table: Table;
  readonly #uses = new Map<string, Use>();

  constructor(options: GuestUseOptions) {
    this.#options = options;
    this.#table = new Table(options.sql, SCHEMA);
    for (const use of this.#table.exec<Use>("SELECT * FROM guest_use")) this.#uses.set(keyOf(use), use);
  }

  /** Notes that a guest was there. Costs nothing within a minute of the last time. */
  note({ share, login }: Pick<Guest, "share" | "login">, now: number): void {
    const before = this.#uses.get(keyOf({ share, login }));
    if (before !== undefined && now - before.used < USED_MS) return;
    // A guest has just come from the console, where their login was used.
    this.#save({ share, login, used: now, told: before?.told ?? now });
    this.#options.onChange();
  }

  due(): number | null {
    const times = this.#untold().map(({ told }) => told + TELL_MS);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Tells what is due, and forgets whoever is a guest no more. */
  async run(now: number): Promise<void> {
    const { guest, tell } = this.#options;
    for (const use of this.#uses.values()) if (guest(use.share, use.login) === undefined) this.#forget(use);
    const late = this.#untold().filter(({ told }) => told + TELL_MS <= now);
    await Promise.all(
      late.map(async (use) => {
        const { share, login, used } = use;
        const whom = guest(share, login);
        if (whom === undefined) return;
        // Before they are told: whoever cannot be is told with the next use, and not in a hurry.
        this.#save({ ...use, told: now });
        await tell(whom, used).catch((error: unknown) => {
          console.error("a guest's workspace was not told of their use:", error);
        });
      }),
    );
  }

  #untold(): Use[] {
    return [...this.#uses.values()].filter(({ used, told }) => used > told);
  }

  #save(use: Use): void {
    this.#uses.set(keyOf(use), use);
    this.#table.insert(
      `INSERT INTO guest_use (share, login, used, told) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET used = excluded.used, told = excluded.told`,
      use.share,
      use.login,
      use.used,
      use.told,
    );
  }

  #forget(use: Use): void {
    this.#uses.delete(keyOf(use));
    this.#table.exec("DELETE FROM guest_use WHERE share = ? AND login = ?", use.share, use.login);
  }
}

const keyOf = ({ share, login }: Pick<Guest, "share" | "login">): string => `${share} ${login}`;
