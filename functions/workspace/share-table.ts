import type { SessionId, ShareId } from "../../contract/ids.ts";
import type { Person, UserId } from "../../contract/person.ts";
import { ShareMode, ShareWith } from "../../contract/share.ts";
import { shareKey, shareKeysOf } from "../auth/share-key.ts";
import { Table } from "./table.ts";

/** A share as it is kept. Times in milliseconds since 1970. */
export type StoredShare = {
  id: ShareId;
  session: SessionId;
  with: ShareWith;
  mode: ShareMode;
  created: number;
  ends: number;
};

/** Somebody whom a share lets in, by one login of theirs. `entered` is null until their browser has come. */
export type Guest = {
  share: ShareId;
  login: string;
  user: UserId;
  name: string;
  entered: number | null;
  expires: number;
};

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS shares (
    id TEXT PRIMARY KEY, session TEXT NOT NULL, "with" TEXT NOT NULL, mode TEXT NOT NULL, created INTEGER NOT NULL,
    ends INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS guests (
    share TEXT NOT NULL, login TEXT NOT NULL, user TEXT NOT NULL, name TEXT NOT NULL, entered INTEGER,
    expires INTEGER NOT NULL, PRIMARY KEY (share, login)
  );
`;

type ShareRow = Omit<StoredShare, "with" | "mode"> & { with: string; mode: string };

/** The shares of a workspace and their guests, in SQLite; in memory too, since every request of a guest asks. */
export class ShareTable {
  readonly #table: Table;
  readonly #shares = new Map<ShareId, StoredShare>();
  readonly #guests = new Map<ShareId, Map<string, Guest>>();

  constructor(sql: SqlStorage) {
    this.#table = new Table(sql, SCHEMA);
    for (const row of this.#table.exec<ShareRow>("SELECT * FROM shares ORDER BY created, rowid")) {
      const share = { with: ShareWith.parse(JSON.parse(row.with)), mode: ShareMode.parse(row.mode) };
      this.#shares.set(row.id, { ...row, ...share });
    }
    for (const guest of this.#table.exec<Guest>("SELECT * FROM guests")) this.#remember(guest);
  }

  share(id: ShareId): StoredShare | undefined {
    return this.#shares.get(id);
  }

  /** Oldest first. */
  shares(): StoredShare[] {
    return [...this.#shares.values()];
  }

  add(share: StoredShare): void {
    const { id, session, mode, created, ends } = share;
    this.#table.insert(
      'INSERT INTO shares (id, session, "with", mode, created, ends) VALUES (?, ?, ?, ?, ?, ?)',
      id,
      session,
      JSON.stringify(share.with),
      mode,
      created,
      ends,
    );
    this.#shares.set(id, share);
  }

  /** Removes a share with its guests, and returns these. */
  remove(id: ShareId): Guest[] {
    const guests = this.guests(id);
    this.#table.exec("DELETE FROM guests WHERE share = ?", id);
    this.#table.exec("DELETE FROM shares WHERE id = ?", id);
    this.#shares.delete(id);
    this.#guests.delete(id);
    return guests;
  }

  guest(share: ShareId, login: string): Guest | undefined {
    return this.#guests.get(share)?.get(login);
  }

  /** Those of one share, or of all. */
  guests(share?: ShareId): Guest[] {
    const maps = share === undefined ? [...this.#guests.values()] : [this.#guests.get(share)];
    return maps.flatMap((guests) => [...(guests?.values() ?? [])]);
  }

  /** Adds a guest, or replaces what is known of them. */
  setGuest(guest: Guest): void {
    const { share, login, user, name, entered, expires } = guest;
    this.#table.insert(
      `INSERT INTO guests (share, login, user, name, entered, expires) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET name = excluded.name, entered = excluded.entered, expires = excluded.expires`,
      share,
      login,
      user,
      name,
      entered,
      expires,
    );
    this.#remember(guest);
  }

  removeGuest({ share, login }: Guest): void {
    this.#table.exec("DELETE FROM guests WHERE share = ? AND login = ?", share, login);
    this.#guests.get(share)?.delete(login);
  }

  #remember(guest: Guest): void {
    const guests = this.#guests.get(guest.share) ?? new Map<string, Guest>();
    this.#guests.set(guest.share, guests.set(guest.login, guest));
  }
}

/** Of these shares those that mean somebody: what allows most comes first, then what lasts longest. */
export function offeredTo(
  applicant: Pick<Person, "subject" | "email" | "groups">,
  shares: readonly StoredShare[],
): StoredShare[] {
  const keys = new Set(shareKeysOf(applicant));
  return shares
    .filter((share) => keys.has(shareKey(share.with)))
    .toSorted((a, b) => Number(b.mode === "use") - Number(a.mode === "use") || b.ends - a.ends);
}
