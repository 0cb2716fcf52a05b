import { cookieAttributes, cookieName } from "./cookie.ts";
import { randomToken, sha256 } from "./token.ts";

/*
 * How a browser without any cookie of ours is known again on one host, while it is at another to ask for a code. Tabs
 * that are opened at once each get a nonce, so each has a cookie of its own name; from then on they share the first.
 */

const BASE = "berth_entering";
/** As long as somebody may take to log in on the way. Seconds. */
const LIFETIME_S = 600;
const NONCE = /^[\w-]{43}$/;
/** More than anybody's tabs: an application may have set as many of that name as the browser holds. */
const LOOKED_AT = 16;

/** The nonces that a browser shows. */
function noncesOf(header: string | null, secure: boolean): string[] {
  const names = `${cookieName(BASE, secure)}_`;
  return (header ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(names))
    .map((pair) => pair.slice(pair.indexOf("=") + 1))
    .filter((nonce) => NONCE.test(nonce))
    .slice(0, LOOKED_AT);
}

/** A browser as somebody else may know it: by the hash of a nonce, and the `Set-Cookie` that lets it keep the nonce. */
export async function knownBrowser(
  header: string | null,
  secure: boolean,
): Promise<{ browser: string; cookie: string }> {
  const nonce = noncesOf(header, secure)[0] ?? randomToken();
  const browser = await sha256(nonce);
  const name = cookieName(`${BASE}_${browser.slice(0, 8)}`, secure);
  return { browser, cookie: `${name}=${nonce}; ${cookieAttributes(secure, LIFETIME_S)}` };
}

/** Which browsers, in the words of `knownBrowser`, this one is. */
export const browsersShown = (header: string | null, secure: boolean): Promise<string[]> =>
  Promise.all(noncesOf(header, secure).map(sha256));
