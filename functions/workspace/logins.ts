import { decodeJwt } from "jose";
import { Person, type Role, type UserId } from "../../contract/person.ts";
import { randomToken } from "../auth/token.ts";
import { Table } from "./table.ts";

/** One login of a browser, as the account page lists it. Times in milliseconds since 1970. */
export type Login = {
  id: string;
  role: Role;
  created: number;
  seen: number;
  expires: number;
  /** What the browser calls itself, and where it logged in from. */
  agent: string;
  from: string | null;
};

type Row = Login & {
  generation: number;
  /** When the generation was made, and when a browser first came with it; until then the one before is good, too. */
  rotated: number;
  confirmed: number | null;
  /** The provider's ID token, to log out there as well. */
  token: string | null;
};

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS logins (
    id TEXT PRIMARY KEY, role TEXT NOT NULL, created INTEGER NOT NULL, seen INTEGER NOT NULL, expires INTEGER NOT NULL,
    agent TEXT NOT NULL, address TEXT, generation INTEGER NOT NULL, rotated INTEGER NOT NULL, confirmed INTEGER, token TEXT
  );
  CREATE TABLE IF NOT EXISTS owner (id INTEGER PRIMARY KEY CHECK (id = 1), person TEXT NOT NULL);
`;

/** The console's cookie is replaced so often, while it is used. Milliseconds. */
const ROTATE_MS = 900_000;
/** Requests that were on their way when the cookie was replaced still bring the old one. Milliseconds. */
const GRACE_MS = 60_000;
/** That a login was used is written down at most so often. Milliseconds. */
const SEEN_MS = 60_000;
/** More logins than anybody has browsers: the oldest go. */
const KEPT = 50;

/** What became of a browser's proof: good, with the generation it should have; over; or a copy that somebody made. */
export type Admission = { kind: "good"; generation: number } | { kind: "over" } | { kind: "copied" };

/** The browsers that are logged in to this workspace, and whose it is. Also held in memory: every request asks. */
export class Logins {
  readonly #table: Table;
  readonly #idleMs: number;
  readonly #rows = new Map<string, Row>();
  #owner: Person | null;

  /** @param idleMs a login that is not used for so long is over */
  constructor(sql: SqlStorage, idleMs: number) {
    this.#table = new Table(sql, SCHEMA);
    this.#idleMs = idleMs;
    for (const row of this.#table.exec<Row & { address: string | null }>("SELECT * FROM logins"))
      this.#rows.set(row.id, { ...row, from: row.address });
    const [owner] = this.#table.exec<{ person: string }>("SELECT person FROM owner");
    this.#owner = owner === undefined ? null : Person.parse(JSON.parse(owner.person));
  }

  /** Whose workspace it is; null until they have logged in once. */
  get owner(): Person | null {
    return this.#owner;
  }

  set owner(person: Person) {
    this.#owner = person;
    this.#table.insert(
      "INSERT INTO owner (id, person) VALUES (1, ?) ON CONFLICT DO UPDATE SET person = excluded.person",
      JSON.stringify(person),
    );
  }

  /** Begins a login. Its first cookie has generation 1. */
  add(
    login: Pick<Login, "role" | "expires" | "agent" | "from"> & { token: string | null },
    now: number,
  ): Login {
    const id = randomToken().slice(0, 22);
    const row: Row = { ...login, id, created: now, seen: now, generation: 1, rotated: now, confirmed: now };
    this.#rows.set(id, row);
    this.#table.insert(
      `INSERT INTO logins (id, role, created, seen, expires, agent, address, generation, rotated, confirmed, token)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      row.role,
      now,
      now,
      row.expires,
      row.agent,
      row.from,
      1,
      now,
      now,
      row.token,
    );
    return row;
  }

  /** Those beyond what anybody has browsers, the longest unused. */
  surplus(): string[] {
    return this.#byUse()
      .slice(KEPT)
      .map(({ id }) => id);
  }

  /**
   * Judges a browser's proof, and notes that it was used.
   * @param proof.generation the cookie's; null for one that is never replaced, as the applications' hosts have
   * @param options.rotates true where a new cookie can be set: of the console's, in an answer to that very browser
   */
  admit(
    proof: { login: string; generation: number | null },
    options: { rotates: boolean; now: number },
  ): Admission {
    const row = this.#rows.get(proof.login);
    const { now } = options;
    if (row === undefined || this.#isOver(row, now)) return { kind: "over" };
    this.#touch(row, now);
    if (proof.generation === null) return { kind: "good", generation: row.generation };
    if (proof.generation === row.generation) {
      if (row.confirmed === null) this.#save({ ...row, confirmed: now });
      else if (options.rotates && now - row.rotated > ROTATE_MS)
        this.#save({ ...row, generation: row.generation + 1, rotated: now, confirmed: null });
      return { kind: "good", generation: this.#rows.get(row.id)?.generation ?? row.generation };
    }
    // The answer with the new cookie may have been lost; once it has come back, the old one has no business any more.
    const isBefore = proof.generation === row.generation - 1;
    if (isBefore && (row.confirmed === null || now - row.confirmed < GRACE_MS))
      return { kind: "good", generation: row.generation };
    return { kind: "copied" };
  }

  /** Notes that a login is in use by an open connection. */
  keep(id: string, now: number): void {
    const row = this.#rows.get(id);
    if (row !== undefined && !this.#isOver(row, now)) this.#touch(row, now);
  }

  /** The live ones, the last used first. */
  list(now: number): Login[] {
    return this.#byUse()
      .filter((row) => !this.#isOver(row, now))
      .map(({ id, role, created, seen, expires, agent, from }) => ({
        id,
        role,
        created,
        seen,
        expires,
        agent,
        from,
      }));
  }

  /** Ends a login. Returns the provider's ID token; undefined when there was no such login. */
  end(id: string): { token: string | null } | undefined {
    const row = this.#rows.get(id);
    if (row === undefined) return undefined;
    this.#rows.delete(id);
    this.#table.exec("DELETE FROM logins WHERE id = ?", id);
    return { token: row.token };
  }

  /** Those that came of one of the provider's sessions, by what its ID tokens say. */
  ofProviderSession(sid: string): string[] {
    return [...this.#rows.values()]
      .filter(({ token }) => token !== null && decodeJwt(token)["sid"] === sid)
      .map(({ id }) => id);
  }

  /** Those that are over by their age. */
  over(now: number): string[] {
    return [...this.#rows.values()].filter((row) => this.#isOver(row, now)).map(({ id }) => id);
  }

  /** When the first of them will be over, if nothing happens; null without any. */
  due(): number | null {
    const times = [...this.#rows.values()].map((row) => this.#end(row));
    return times.length === 0 ? null : Math.min(...times);
  }

  /** The last used first; of those used at the same moment, the one that began last. */
  #byUse(): Row[] {
    return [...this.#rows.values()].toReversed().toSorted((a, b) => b.seen - a.seen);
  }

  #end(row: Row): number {
    // One touch may be missing from what is written down.
    return Math.min(row.expires, row.seen + this.#idleMs + SEEN_MS);
  }

  #isOver(row: Row, now: number): boolean {
    return now >= this.#end(row);
  }

  #touch(row: Row, now: number): void {
    if (now - row.seen < SEEN_MS) return;
    row.seen = now;
    this.#table.exec("UPDATE logins SET seen = ? WHERE id = ?", now, row.id);
  }

  #save(row: Row): void {
    this.#rows.set(row.id, row);
    this.#table.exec(
      "UPDATE logins SET generation = ?, rotated = ?, confirmed = ? WHERE id = ?",
      row.generation,
      row.rotated,
      row.confirmed,
      row.id,
    );
  }
}

/** The local user, before anybody said more of them. */
export const localPerson = (id: UserId): Person => ({
  id,
  issuer: "local",
  subject: "local",
  name: "You",
  email: null,
  groups: [],
  role: "operator",
});
