import { z } from "zod";
import type { Scope } from "../../contract/person.ts";
import { SCOPES, Scope as ScopeSchema } from "../../contract/person.ts";
import { Table } from "./table.ts";

/** A token as it is listed: everything but the token. Times in milliseconds since 1970. */
export type Token = {
  id: string;
  name: string;
  scopes: Scope[];
  created: number;
  used: number | null;
  expires: number | null;
};

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL,
    used INTEGER, expires INTEGER, ended INTEGER NOT NULL
  );
`;

/** That a token was used is written down at most so often. Milliseconds. */
const USED_MS = 60_000;
/** One that has expired is listed for so long, for its owner to see why a program stopped. Milliseconds. */
const KEPT_MS = 30 * 86_400_000;

type Row = Token & {
  hash: string;
  /** That it expired was noticed, and its streams were ended. */
  ended: boolean;
};
type Stored = Omit<Row, "scopes" | "ended"> & { scopes: string; ended: number };

/** The API tokens of a workspace, each as a SHA-256 of it: a copy of the storage opens nothing. */
export class Tokens {
  readonly #table: Table;
  readonly #rows = new Map<string, Row>();

  constructor(sql: SqlStorage) {
    this.#table = new Table(sql, SCHEMA);
    for (const row of this.#table.exec<Stored>("SELECT * FROM tokens ORDER BY created, rowid"))
      this.#rows.set(row.id, {
        ...row,
        scopes: z.array(ScopeSchema).parse(JSON.parse(row.scopes)),
        ended: row.ended === 1,
      });
  }

  add(token: Pick<Row, "id" | "hash" | "name" | "scopes" | "created" | "expires">): Token {
    const scopes = SCOPES.filter((scope) => token.scopes.includes(scope));
    const row: Row = { ...token, scopes, used: null, ended: false };
    this.#rows.set(row.id, row);
    this.#table.insert(
      `INSERT INTO tokens (id, hash, name, scopes, created, used, expires, ended) VALUES (?, ?, ?, ?, ?, NULL, ?, 0)`,
      row.id,
      row.hash,
      row.name,
      JSON.stringify(scopes),
      row.created,
      row.expires,
    );
    return shown(row);
  }

  /** The token with this id, if it is this very one and still good; noted as used. `hash` is the shown token's. */
  use(id: string, hash: string, now: number): Token | undefined {
    const row = this.#rows.get(id);
    // Both are hashes: how long the comparison takes tells nothing of the token.
    if (row === undefined || row.hash !== hash || isOver(row, now)) return undefined;
    this.#touch(row, now);
    return shown(row);
  }

  /** Notes that a token is in use by an open connection. */
  keep(id: string, now: number): void {
    const row = this.#rows.get(id);
    if (row !== undefined && !isOver(row, now)) this.#touch(row, now);
  }

  /** Newest first, those that expired lately among them. */
  list(): Token[] {
    return [...this.#rows.values()].toReversed().map(shown);
  }

  /** False when there was none. */
  remove(id: string): boolean {
    this.#table.exec("DELETE FROM tokens WHERE id = ?", id);
    return this.#rows.delete(id);
  }

  /** When the next one expires, or has been listed long enough; null when none does. Milliseconds since 1970. */
  due(): number | null {
    const times = [...this.#rows.values()].flatMap(({ expires, ended }) =>
      expires === null ? [] : [ended ? expires + KEPT_MS : expires],
    );
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Notices which have expired, and forgets those that were listed long enough. Returns the ids of the former. */
  expire(now: number): string[] {
    const over = [...this.#rows.values()].filter((row) => isOver(row, now));
    for (const { id, expires } of over) if (now >= (expires ?? now) + KEPT_MS) this.remove(id);
    const fresh = over.filter(({ ended }) => !ended);
    for (const row of fresh) {
      row.ended = true;
      this.#table.exec("UPDATE tokens SET ended = 1 WHERE id = ?", row.id);
    }
    return fresh.map(({ id }) => id);
  }

  #touch(row: Row, now: number): void {
    if (row.used !== null && now - row.used < USED_MS) return;
    row.used = now;
    this.#table.exec("UPDATE tokens SET used = ? WHERE id = ?", now, row.id);
  }
}

/** True of a token whose time is over. */
export const isOver = ({ expires }: Pick<Token, "expires">, now: number): boolean =>
  expires !== null && expires <= now;

const shown = ({ id, name, scopes, created, used, expires }: Row): Token => ({
  id,
  name,
  scopes,
  created,
  used,
  expires,
});
