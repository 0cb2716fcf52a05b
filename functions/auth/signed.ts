import type { SessionId } from "../../contract/ids.ts";
import { hmac, isSame } from "./token.ts";

/** What a signed value is for; one is never good for the other. */
export type Purpose =
  | "console"
  | "sessions"
  | `session ${SessionId}`
  | "share"
  | "login"
  | "code"
  | "device"
  | "api-token"
  | "agent-token";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const BASE64 = { alphabet: "base64url", omitPadding: true } as const;

/** Longer than any value of ours: what is longer is not even looked at. Characters. */
const LONGEST = 4096;

/** The secrets by age, newest first: the first signs, all of them are believed, so that one can be replaced. */
export const secretsOf = (secrets: string): string[] =>
  secrets.split(/\s+/).filter((secret) => secret !== "");

/** Spells a value that nobody else can make: its JSON, and an HMAC over it and its purpose. Not secret: anyone reads it. */
export async function sign(secrets: string, purpose: Purpose, value: unknown): Promise<string> {
  const text = encoder.encode(JSON.stringify(value)).toBase64(BASE64);
  return `${text}.${await hmac(secretsOf(secrets)[0] ?? "", `${purpose}.${text}`)}`;
}

/**
 * Values found good in this isolate, by purpose and text, under the secrets of the last call: a page makes dozens of
 * requests with the same one. There is a purpose for each session: anybody may name another with each request.
 */
const good = new Map<string, unknown>();
let goodUnder = "";
const KEPT = 4096;

function goodWith(secrets: string): Map<string, unknown> {
  if (secrets !== goodUnder) good.clear();
  goodUnder = secrets;
  return good;
}

/** The value behind a text that `sign` made for this purpose with one of these secrets; undefined for any other text. */
export async function open(secrets: string, purpose: Purpose, given: string): Promise<unknown> {
  if (given.length > LONGEST) return undefined;
  const key = `${purpose}.${given}`;
  const known = goodWith(secrets).get(key);
  if (known !== undefined) return known;
  const match = /^([\w-]+)\.([\w-]{43})$/.exec(given);
  if (match === null) return undefined;
  const [, text = "", mac = ""] = match;
  for (const secret of secretsOf(secrets)) {
    if (!isSame(mac, await hmac(secret, `${purpose}.${text}`))) continue;
    const value: unknown = JSON.parse(decoder.decode(Uint8Array.fromBase64(text, { alphabet: "base64url" })));
    // Others may have asked in between, under other secrets.
    const values = goodWith(secrets);
    if (values.size >= KEPT) values.clear();
    values.set(key, value);
    return value;
  }
  return undefined;
}
