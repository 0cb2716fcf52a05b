import { z } from "zod";
import type { SessionId } from "../../contract/ids.ts";
import { Role, UserId } from "../../contract/person.ts";
import { open, type Purpose, sign } from "./signed.ts";

/** A cookie is good on one host only: the console's, the one that the sessions share, or one session's own. */
export type Audience = "console" | "sessions" | SessionId;

const nameOf = (audience: Audience): string => (audience === "console" ? "berth" : "berth_session");

/** The host is in what is signed: nowhere else is it a cookie at all. */
const purposeOf = (audience: Audience): Purpose =>
  audience === "console" ? "console" : audience === "sessions" ? "sessions" : `session ${audience}`;

/**
 * What a cookie says, signed: whose browser it is, and by which login. A stolen copy of the console's is told by its
 * generation, which moves on while it is used. Times in milliseconds since 1970.
 */
export const Claims = z.object({
  user: UserId,
  role: Role,
  login: z.string(),
  generation: z.int(),
  /** When this very cookie was made, and when its login ends at the latest. */
  issued: z.int(),
  expires: z.int(),
});
export type Claims = z.infer<typeof Claims>;

/**
 * On HTTPS the browser itself holds the cookie to this host and path, and to answers of this server: no script of an
 * application's can plant one (RFC 6265bis, section 4.1.3; a browser that does not know `Http` still keeps to `__Host-`).
 */
export const cookieName = (base: string, secure: boolean): string => (secure ? "__Host-Http-" : "") + base;

/** Lax: a link from the console, or from a mail, still opens the session; a foreign form or frame does not carry it. */
export const cookieAttributes = (secure: boolean, maxAgeS: number): string =>
  `Path=/; Max-Age=${maxAgeS}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;

/** The `Set-Cookie` value that keeps a browser logged in on one host. */
export async function issueCookie(
  secrets: string,
  audience: Audience,
  claims: Claims,
  options: { secure: boolean; now: number },
): Promise<string> {
  const value = await sign(secrets, purposeOf(audience), claims);
  const maxAge = Math.max(0, Math.floor((claims.expires - options.now) / 1000));
  return `${cookieName(nameOf(audience), options.secure)}=${value}; ${cookieAttributes(options.secure, maxAge)}`;
}

export const clearCookie = (audience: Audience, secure: boolean): string =>
  `${cookieName(nameOf(audience), secure)}=; ${cookieAttributes(secure, 0)}`;

/** True for an answer that sets or clears the cookie itself: its word is the last. */
export const saysCookie = (headers: Headers, audience: Audience, secure: boolean): boolean =>
  headers.getSetCookie().some((set) => set.startsWith(`${cookieName(nameOf(audience), secure)}=`));

/** The values that a `Cookie` header has for a name, in their order: an application may have set others of that name. */
export function cookieValues(header: string | null, name: string): string[] {
  const values: string[] = [];
  if (header?.includes(name) !== true) return values;
  for (const pair of header.split(";")) {
    const [key = "", value = ""] = pair.trim().split("=", 2);
    if (key === name) values.push(value);
  }
  return values;
}

/** What the good cookie for this host says; undefined when there is none. */
export async function readCookie(
  secrets: string,
  audience: Audience,
  header: string | null,
  options: { secure: boolean; now: number },
): Promise<Claims | undefined> {
  for (const value of cookieValues(header, cookieName(nameOf(audience), options.secure))) {
    const claims = Claims.safeParse(await open(secrets, purposeOf(audience), value)).data;
    if (claims !== undefined && claims.expires > options.now) return claims;
  }
  return undefined;
}
