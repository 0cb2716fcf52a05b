import { z } from "zod";
import { cookieAttributes, cookieName, cookieValues } from "./cookie.ts";
import { open, sign } from "./signed.ts";

/*
 * What a browser keeps between the console's /login and its return from the provider. It is in the browser that began the
 * login and nowhere else: an answer that somebody else's browser was sent (login CSRF) finds none, or another one.
 */

const NAME = "berth_login";

/** As long as somebody may take to log in at the provider. Seconds. */
const LIFETIME_S = 600;

/** A cookie holds 4 KiB (RFC 6265, section 6.1): a longer way back is not kept. Characters. */
const LONGEST_WAY = 1800;

const Content = z.object({
  state: z.string(),
  nonce: z.string(),
  /** Proves to the provider that who brings the code is who began (RFC 7636). */
  verifier: z.string(),
  /** Where the browser was. */
  to: z.string(),
  expires: z.int(),
});
export type LoginTransaction = Omit<z.infer<typeof Content>, "expires">;

type Moment = { secure: boolean; now: number };

/** The `Set-Cookie` value that keeps a login in the browser while it is away. */
export async function keepTransaction(
  secrets: string,
  transaction: LoginTransaction,
  { secure, now }: Moment,
): Promise<string> {
  const to = transaction.to.length > LONGEST_WAY ? "/" : transaction.to;
  const value = await sign(secrets, "login", { ...transaction, to, expires: now + LIFETIME_S * 1000 });
  return `${cookieName(NAME, secure)}=${value}; ${cookieAttributes(secure, LIFETIME_S)}`;
}

/** The login that this browser began; undefined when it began none, or too long ago. */
export async function readTransaction(
  secrets: string,
  header: string | null,
  { secure, now }: Moment,
): Promise<LoginTransaction | undefined> {
  for (const value of cookieValues(header, cookieName(NAME, secure))) {
    const content = Content.safeParse(await open(secrets, "login", value)).data;
    if (content !== undefined && content.expires > now) return content;
  }
  return undefined;
}

/** A transaction is good for one return. */
export const clearTransaction = (secure: boolean): string =>
  `${cookieName(NAME, secure)}=; ${cookieAttributes(secure, 0)}`;
