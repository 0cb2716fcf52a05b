import { z } from "zod";
import { SessionId, ShareId } from "../../contract/ids.ts";
import { UserId } from "../../contract/person.ts";
import { cookieAttributes, cookieName, cookieValues } from "./cookie.ts";
import { open, sign } from "./signed.ts";

/** On the shared session's own host, and nowhere else. */
const NAME = "berth_share";

/**
 * What a guest's cookie says, signed: who they are and by which login, and which share of whose session let them in.
 * Whether the share still lives, its owner's workspace knows. `expires` in milliseconds since 1970.
 */
export const ShareClaims = z.object({
  guest: UserId,
  login: z.string(),
  owner: UserId,
  session: SessionId,
  share: ShareId,
  expires: z.int(),
});
export type ShareClaims = z.infer<typeof ShareClaims>;

/** The `Set-Cookie` value that lets a guest's browser in, on the session's own host. */
export async function issueShareCookie(
  secrets: string,
  claims: ShareClaims,
  options: { secure: boolean; now: number },
): Promise<string> {
  const value = await sign(secrets, "share", claims);
  const maxAge = Math.max(0, Math.floor((claims.expires - options.now) / 1000));
  return `${cookieName(NAME, options.secure)}=${value}; ${cookieAttributes(options.secure, maxAge)}`;
}

export const clearShareCookie = (secure: boolean): string =>
  `${cookieName(NAME, secure)}=; ${cookieAttributes(secure, 0)}`;

/** What the good cookie for this very session says; undefined when there is none. */
export async function readShareCookie(
  secrets: string,
  session: SessionId,
  header: string | null,
  options: { secure: boolean; now: number },
): Promise<ShareClaims | undefined> {
  for (const value of cookieValues(header, cookieName(NAME, options.secure))) {
    const claims = ShareClaims.safeParse(await open(secrets, "share", value)).data;
    if (claims !== undefined && claims.session === session && claims.expires > options.now) return claims;
  }
  return undefined;
}
