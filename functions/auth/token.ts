const encoder = new TextEncoder();

/** Compares without telling by its time how much was right. */
export function isSame(given: string, wanted: string): boolean {
  const left = encoder.encode(given);
  const right = encoder.encode(wanted);
  return left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right);
}

/** Values found good in this isolate, with their tokens: a program sends the same one with every request. */
const good = new Set<string>();
const KEPT = 16;

/** True when an `Authorization` value is `Bearer` with this very token (RFC 6750). No token: nothing matches. */
export function isBearer(authorization: string | null, token: string | undefined): boolean {
  if (authorization === null || token === undefined || token === "") return false;
  const known = `${token} ${authorization}`;
  if (good.has(known)) return true;
  const [, given] = /^bearer +([^ ]+)$/i.exec(authorization.trim()) ?? [];
  if (given === undefined || !isSame(given, token)) return false;
  if (good.size >= KEPT) good.clear();
  good.add(known);
  return true;
}

/** SHA-256 of a text, in hexadecimal. */
export async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text))).toHex();
}

/** A token of 256 random bits, in base64url. */
export function randomToken(): string {
  return crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true });
}

/** True when an `Authorization` value holds one of these anywhere: several such headers arrive as one (RFC 9110, 5.3). */
export const holdsToken = (authorization: string, tokens: readonly (string | undefined)[]): boolean =>
  tokens.some((token) => token !== undefined && token !== "" && authorization.includes(token));

/** HMAC-SHA-256 of a text, in base64url (RFC 2104). */
export async function hmac(secret: string, text: string): Promise<string> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
  return mac.toBase64({ alphabet: "base64url", omitPadding: true });
}
