import { z } from "zod";
import { SessionId } from "../../contract/ids.ts";
import { Claims } from "../auth/cookie.ts";
import { ShareClaims } from "../auth/share-cookie.ts";
import { Table } from "./table.ts";

const Enter = z.object({
  purpose: z.literal("enter"),
  to: z.string(),
  browser: z.string(),
  audience: z.union([z.literal("sessions"), SessionId]),
  claims: Claims,
});

/**
 * What a one-time code opens: the console of the local instance; or an applications' host, at one address, for the one
 * browser that asked, on behalf of its login at the console; or a shared session, for a guest's browser. `browser` is a
 * hash of what only that browser holds.
 */
const CodeContent = z.discriminatedUnion("purpose", [
  z.object({ purpose: z.literal("login") }),
  /** The id of a call of the identity provider's, which counts once. */
  z.object({ purpose: z.literal("spent") }),
  Enter,
  z.object({ purpose: z.literal("share"), to: z.string(), browser: z.string(), claims: ShareClaims }),
]);
export type CodeContent = z.infer<typeof CodeContent>;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS one_time_codes (
    hash TEXT PRIMARY KEY, purpose TEXT NOT NULL, content TEXT NOT NULL, expires INTEGER NOT NULL
  );
`;

/** Codes that work once, each as a hash. Times in milliseconds since 1970. */
export class Codes {
  readonly #table: Table;

  constructor(sql: SqlStorage) {
    this.#table = new Table(sql, SCHEMA);
  }

  add(hash: string, content: CodeContent, expires: number, now: number): void {
    this.#table.exec("DELETE FROM one_time_codes WHERE expires <= ?", now);
    this.#table.insert(
      "INSERT INTO one_time_codes (hash, purpose, content, expires) VALUES (?, ?, ?, ?)",
      hash,
      content.purpose,
      JSON.stringify(content),
      expires,
    );
  }

  /** Notes what counts once and is somebody else's. False when it was noted before; it need not be known after it expires. */
  spend(hash: string, expires: number, now: number): boolean {
    const [known] = this.#table.exec(
      "SELECT 1 FROM one_time_codes WHERE hash = ? AND expires > ?",
      hash,
      now,
    );
    if (known === undefined) this.add(hash, { purpose: "spent" }, expires, now);
    return known === undefined;
  }

  /** The content once, of a code that was added for this purpose and has not expired. */
  take(hash: string, purpose: CodeContent["purpose"], now: number): CodeContent | null {
    const [row] = this.#table.exec<{ content: string; expires: number }>(
      "DELETE FROM one_time_codes WHERE hash = ? AND purpose = ? RETURNING content, expires",
      hash,
      purpose,
    );
    return row === undefined || row.expires <= now ? null : CodeContent.parse(JSON.parse(row.content));
  }
}
