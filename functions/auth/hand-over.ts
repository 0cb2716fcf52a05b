import { SessionId } from "../../contract/ids.ts";
import { BerthError } from "../../contract/problem.ts";
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { hostOfSession, hostsOf, sessionHostsOf, sessionOfHost } from "../hosts.ts";
import { type Origin, originOf } from "../origin.ts";
import { redirect } from "../redirect.ts";
import { rawTarget } from "../relay/path.ts";
import { partOf } from "../workspace/parts.ts";
import { browsersShown, knownBrowser } from "./browser-nonce.ts";
import { CODE_LIFETIME, safeReturn, userOfCode } from "./code.ts";
import { issueCookie } from "./cookie.ts";
import { audienceOf, type Visitor } from "./visitor.ts";

/*
 * How a browser with the console's cookie gets one for an applications' host (design 7.2). The browser begins on the
 * applications' host, where it gets a nonce; the console makes a code for its hash, good once; and only the browser that
 * holds the nonce can use that code. A code in somebody else's link logs nobody in.
 */

const isSecure = (url: Origin): boolean => url.protocol === "https:";

/** Where applications that a cookie opens are served: the sessions' one host, or one session's own. */
type ApplicationHost = "sessions" | SessionId;

/** Which of them a request came to; undefined for any other host. */
function applicationHostOf(env: Env, url: Origin): ApplicationHost | undefined {
  const audience = audienceOf(env, url);
  if (audience === "console") return undefined;
  return audience === "sessions" && sessionHostsOf(env) === "each" ? undefined : audience;
}

/** On an applications' host: sends a browser without a cookie for it to the console, to come back with a code. */
export async function askConsole(request: Request, url: Origin, env: Env): Promise<Response> {
  const { browser, cookie } = await knownBrowser(request.headers.get("cookie"), isSecure(url));
  const query = new URLSearchParams({ to: rawTarget(request.url), browser });
  const own = sessionOfHost(env, url);
  if (own !== undefined) query.set("session", own);
  return redirect(`${url.protocol}//${hostsOf(env, url).console}/hand-over?${query.toString()}`, [cookie]);
}

/** On the console's host: the same address on the applications' host, where a browser that has been there is known. */
export const toApplications = (request: Request, url: Origin, env: Env): Response =>
  redirect(`${url.protocol}//${hostsOf(env, url).sessions}${rawTarget(request.url)}`);

/** On the host above the sessions' own ones: the same address at the console, which finds out whose it is. */
export const toConsole = (request: Request, url: Origin, env: Env): Response =>
  redirect(`${url.protocol}//${hostsOf(env, url).console}${rawTarget(request.url)}`);

/** What asks to be handed over, and to where; undefined for what does not fit this edge. */
function asked(url: URL, env: Env): { browser: string; audience: ApplicationHost } | undefined {
  const browser = url.searchParams.get("browser") ?? "";
  if (!/^[0-9a-f]{64}$/.test(browser)) return undefined;
  const session = url.searchParams.get("session");
  const hosts = sessionHostsOf(env);
  switch (hosts) {
    case "one":
      return session === null ? { browser, audience: "sessions" } : undefined;
    case "each": {
      const id = SessionId.safeParse(session);
      return id.success ? { browser, audience: id.data } : undefined;
    }
    case "none":
      return undefined;
    default:
      return hosts satisfies never;
  }
}

/**
 * On the console's host, `/hand-over?to=…&browser=…`: makes the code for a browser that is logged in.
 * @throws BerthError `invalid_request` for what no hand-over asks
 */
export async function handOver(visitor: Visitor, url: URL, env: Env): Promise<Response> {
  const request = asked(url, env);
  const to = safeReturn(url.searchParams.get("to") ?? undefined);
  if (visitor.kind !== "browser" || request === undefined)
    throw new BerthError("invalid_request", "this address is for a browser on its way to an application");
  const { kind: _kind, audience: _audience, ...claims } = visitor;
  const access = partOf(env, visitor.user, "access");
  const code = await access.issueCode({ purpose: "enter", to, ...request, claims }, CODE_LIFETIME.enter);
  const { sessions } = hostsOf(env, url);
  const host = request.audience === "sessions" ? sessions : hostOfSession(env, sessions, request.audience);
  return redirect(`${url.protocol}//${host}/enter?code=${code}`);
}

/**
 * On an applications' host, `/enter?code=…`: the cookie, for the browser that had asked.
 * @throws BerthError `unauthorized` for a code that is not its own, was used, or is too old; `cookies_refused` for a
 * browser that has not kept what it was given to be known by: sent back to ask, it would come here for ever
 */
export async function enter(request: Request, env: Env): Promise<Response> {
  const { secrets } = configOf(env);
  const url = originOf(request.url);
  const audience = applicationHostOf(env, url);
  if (audience === undefined) throw new BerthError("not_found", "this is not served on this host");
  // Whoever looks where a link leads does not use it.
  if (request.method === "HEAD") return new Response(null, { status: 204 });
  const code = new URL(request.url).searchParams.get("code") ?? "";
  const user = await userOfCode(secrets, code);
  const secure = isSecure(url);
  const browsers = await browsersShown(request.headers.get("cookie"), secure);
  const entry =
    user === undefined ? null : await partOf(env, user, "access").enter(code, { browsers, audience });
  // Only now: the code is used up, whoever came with it, and may be seen in the address.
  if (user !== undefined && browsers.length === 0)
    throw new BerthError("cookies_refused", `this browser has kept no cookie of ${url.host}`);
  if (entry === null)
    throw new BerthError("unauthorized", "this link was used, is too old, or is another browser's");
  // The nonce stays for a while: another tab may be on its way with it.
  const cookie = await issueCookie(secrets, audience, entry.claims, { secure, now: Date.now() });
  return redirect(safeReturn(entry.to), [cookie]);
}
