import { hmac, isSame } from "./token.ts";

/** A cookie is good on one of the two hosts only. */
export type Audience = "console" | "sessions";

const NAMES: Record<Audience, string> = { console: "berth", sessions: "berth_session" };

/** Thirty days, in seconds. */
const LIFETIME = 2_592_000;

/** On HTTPS the browser itself holds the cookie to this host and path (RFC 6265bis, section 4.1.3.2). */
const nameOf = (audience: Audience, secure: boolean): string => (secure ? "__Host-" : "") + NAMES[audience];

/** The `Set-Cookie` value that logs a browser in on one host. `now` in milliseconds since 1970. */
export async function issueCookie(
  audience: Audience,
  secret: string,
  options: { secure: boolean; now: number },
): Promise<string> {
  const expires = Math.floor(options.now / 1000) + LIFETIME;
  const value = `${expires}.${await hmac(secret, `${audience}.${expires}`)}`;
  return `${nameOf(audience, options.secure)}=${value}; ${attributes(options.secure, LIFETIME)}`;
}

export const clearCookie = (audience: Audience, secure: boolean): string =>
  `${nameOf(audience, secure)}=; ${attributes(secure, 0)}`;

/** Lax: a link from the console, or from a mail, still opens the session; a foreign form or frame does not carry it. */
const attributes = (secure: boolean, maxAge: number): string =>
  `Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;

/** True when a `Cookie` header holds a good cookie for this host. */
export async function hasCookie(
  header: string | null,
  audience: Audience,
  secret: string,
  options: { secure: boolean; now: number },
): Promise<boolean> {
  const name = nameOf(audience, options.secure);
  for (const pair of (header ?? "").split(";")) {
    const [key = "", value = ""] = pair.trim().split("=", 2);
    if (key === name && (await isGood(value, audience, secret, options.now))) return true;
  }
  return false;
}

/** Values found good in this isolate: a page makes dozens of requests with the same one. */
const good = new Map<string, number>();
const KEPT = 256;

async function isGood(value: string, audience: Audience, secret: string, now: number): Promise<boolean> {
  const [digits = "", mac = ""] = value.split(".", 2);
  const expires = Number(digits);
  if (!/^\d{1,12}$/.test(digits) || expires * 1000 <= now) return false;
  const known = `${audience}.${value}.${secret}`;
  if (good.has(known)) return true;
  if (!isSame(mac, await hmac(secret, `${audience}.${digits}`))) return false;
  if (good.size >= KEPT) good.clear();
  good.set(known, expires);
  return true;
}
