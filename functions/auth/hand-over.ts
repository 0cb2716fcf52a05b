import { BerthError } from "../../contract/problem.ts";
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { hostsOf } from "../hosts.ts";
import type { Origin } from "../origin.ts";
import { rawTarget } from "../relay/path.ts";
import { partOf } from "../workspace/parts.ts";
import { CODE_LIFETIME, safeReturn, userOfCode } from "./code.ts";
import { cookieAttributes, cookieName, cookieValues, issueCookie } from "./cookie.ts";
import { randomToken, sha256 } from "./token.ts";
import type { Visitor } from "./visitor.ts";

/*
 * How a browser with the console's cookie gets one for the applications' host (design 7.2). The browser begins on the
 * applications' host, where it gets a nonce; the console makes a code for its hash, good once; and only the browser that
 * holds the nonce can use that code. A code in somebody else's link logs nobody in.
 */

const NONCE = "berth_entering";
const NONCE_LIFETIME_S = 600;

const redirect = (location: string, cookies: readonly string[] = []): Response => {
  const headers = new Headers({ location, "cache-control": "no-store", "referrer-policy": "no-referrer" });
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 302, headers });
};

const isSecure = (url: Origin): boolean => url.protocol === "https:";

/** On the applications' host: sends a browser without a cookie for it to the console, to come back with a code. */
export async function askConsole(request: Request, url: Origin, env: Env): Promise<Response> {
  const secure = isSecure(url);
  const [kept] = cookieValues(request.headers.get("cookie"), cookieName(NONCE, secure));
  const nonce = kept !== undefined && /^[\w-]{43}$/.test(kept) ? kept : randomToken();
  const query = new URLSearchParams({ to: rawTarget(request.url), browser: await sha256(nonce) });
  return redirect(`${url.protocol}//${hostsOf(env, url).console}/hand-over?${query.toString()}`, [
    `${cookieName(NONCE, secure)}=${nonce}; ${cookieAttributes(secure, NONCE_LIFETIME_S)}`,
  ]);
}

/** On the console's host: the same address on the applications' host, where a browser that has been there is known. */
export function toApplications(request: Request, url: Origin, env: Env): Response {
  if (request.method !== "GET")
    throw new BerthError("misdirected_host", "applications are served on the sessions' host");
  return redirect(`${url.protocol}//${hostsOf(env, url).sessions}${rawTarget(request.url)}`);
}

/**
 * On the console's host, `/hand-over?to=…&browser=…`: makes the code for a browser that is logged in.
 * @throws BerthError `invalid_request` for what no hand-over asks
 */
export async function handOver(visitor: Visitor, url: URL, env: Env): Promise<Response> {
  const browser = url.searchParams.get("browser") ?? "";
  const to = safeReturn(url.searchParams.get("to") ?? undefined);
  if (visitor.kind !== "browser" || !/^[0-9a-f]{64}$/.test(browser))
    throw new BerthError("invalid_request", "this address is for a browser on its way to an application");
  const { kind: _kind, audience: _audience, ...claims } = visitor;
  const access = partOf(env, visitor.user, "access");
  const code = await access.issueCode({ purpose: "enter", to, browser, claims }, CODE_LIFETIME.enter);
  return redirect(`${url.protocol}//${hostsOf(env, url).sessions}/enter?code=${code}`);
}

/**
 * On the applications' host, `/enter?code=…`: the cookie, for the browser that had asked.
 * @throws BerthError `unauthorized` for a code that is not its own, was used, or is too old
 */
export async function enter(request: Request, url: URL, env: Env): Promise<Response> {
  const { secrets } = configOf(env);
  const code = url.searchParams.get("code") ?? "";
  const user = await userOfCode(secrets, code);
  const secure = isSecure(url);
  const [nonce] = cookieValues(request.headers.get("cookie"), cookieName(NONCE, secure));
  const entry =
    user === undefined || nonce === undefined
      ? null
      : await partOf(env, user, "access").enter(code, await sha256(nonce));
  if (entry === null)
    throw new BerthError("unauthorized", "this link was used, is too old, or is another browser's");
  return redirect(safeReturn(entry.to), [
    await issueCookie(secrets, "sessions", entry.claims, { secure, now: Date.now() }),
    `${cookieName(NONCE, secure)}=; ${cookieAttributes(secure, 0)}`,
  ]);
}
