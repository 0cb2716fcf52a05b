import { z } from "zod";
import type { Scope } from "../../contract/person.ts";
import { SCOPES, Scope as ScopeSchema } from "../../contract/person.ts";

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
    used INTEGER, expires INTEGER
  );
`;

/** That a token was used is written down at most so often. Milliseconds. */
const USED_MS = 60_000;

type Row = Token & { hash: string };
type Stored = Omit<Row, "scopes"> & { scopes: string };

/** The API tokens of a workspace, each as a SHA-256 of it: a copy of the storage opens nothing. */
export class Tokens {
  readonly #sql: SqlStorage;
  readonly #rows = new Map<string, Row>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
    for (const row of sql.exec<Stored>("SELECT * FROM tokens ORDER BY created"))
      this.#rows.set(row.id, { ...row, scopes: z.array(ScopeSchema).parse(JSON.parse(row.scopes)) });
  }

  get size(): number {
    return this.#rows.size;
  }

  add(token: Pick<Row, "id" | "hash" | "name" | "scopes" | "created" | "expires">): Token {
    const scopes = SCOPES.filter((scope) => token.scopes.includes(scope));
    const row: Row = { ...token, scopes, used: null };
    this.#rows.set(row.id, row);
    this.#sql.exec(
      "INSERT INTO tokens (id, hash, name, scopes, created, used, expires) VALUES (?, ?, ?, ?, ?, NULL, ?)",
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
    if (row === undefined || row.hash !== hash || (row.expires !== null && row.expires <= now))
      return undefined;
    if (row.used === null || now - row.used >= USED_MS) {
      row.used = now;
      this.#sql.exec("UPDATE tokens SET used = ? WHERE id = ?", now, id);
    }
    return shown(row);
  }

  /** Newest first. */
  list(): Token[] {
    return [...this.#rows.values()].toReversed().map(shown);
  }

  /** False when there was none. */
  remove(id: string): boolean {
    this.#sql.exec("DELETE FROM tokens WHERE id = ?", id);
    return this.#rows.delete(id);
  }
}

const shown = ({ id, name, scopes, created, used, expires }: Row): Token => ({
  id,
  name,
  scopes,
  created,
  used,
  expires,
});
