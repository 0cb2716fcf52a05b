import { SessionId } from "../../contract/ids.ts";
import { BerthError } from "../../contract/problem.ts";
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { hostOfSession, hostsOf, sessionOfHost } from "../hosts.ts";
import { type Origin, originOf } from "../origin.ts";
import { redirect } from "../redirect.ts";
import { registryPart } from "../registry/parts.ts";
import { rawTarget } from "../relay/path.ts";
import { partOf } from "../workspace/parts.ts";
import { addressOf } from "./address.ts";
import { browsersShown, knownBrowser } from "./browser-nonce.ts";
import { safeReturn, userOfCode } from "./code.ts";
import { clearShareCookie, issueShareCookie } from "./share-cookie.ts";
import type { Visitor } from "./visitor.ts";

/*
 * How a guest comes to a shared session. The link leads to the session's own host; a browser without a cookie there goes
 * to the console, where its user logs in as themselves, and comes back with a one-time code as it does for a session of
 * its own (hand-over.ts). The owner's workspace makes the code, for those alone with whom the session is shared.
 */

const isSecure = (url: Origin): boolean => url.protocol === "https:";

const notShared = (): BerthError => new BerthError("not_found", "nothing is shared with you here");

/** On a session's own host: sends a browser that may be a guest's to the console. What it had there is over. */
export async function askForShare(request: Request, url: Origin, env: Env): Promise<Response> {
  const session = sessionOfHost(env, url);
  if (session === undefined) throw notShared();
  const secure = isSecure(url);
  const { browser, cookie } = await knownBrowser(request.headers.get("cookie"), secure);
  const query = new URLSearchParams({ to: rawTarget(request.url), browser });
  return redirect(`${url.protocol}//${hostsOf(env, url).console}/share/${session}?${query.toString()}`, [
    clearShareCookie(secure),
    cookie,
  ]);
}

/**
 * On the console's host, `/share/<session>?to=…&browser=…`: the code for somebody who is logged in and with whom the
 * session is shared; the owner is led to the session as its owner.
 * @throws BerthError `not_found` for everybody else, whether there is such a session or not
 */
export async function offerShare(visitor: Visitor, id: string, url: URL, env: Env): Promise<Response> {
  const session = SessionId.safeParse(id).data;
  const browser = url.searchParams.get("browser") ?? "";
  if (visitor.kind !== "browser" || session === undefined || !/^[0-9a-f]{64}$/.test(browser))
    throw new BerthError("invalid_request", "this address is for a browser on its way to a shared session");
  const { console, sessions } = hostsOf(env, url);
  const own = await env.WORKSPACE.getByName(visitor.user).session(session, sessions);
  // Also when somebody else shares one with this id: no foreign application comes where one's own has been.
  if (own.ok) return redirect(`${url.protocol}//${console}${own.value.url ?? `/sessions/${session}`}`);
  const owner = await registryPart(env, "shareOwners").ownerOf(session);
  const person = await partOf(env, visitor.user, "access").owner();
  if (owner === null || person === null) throw notShared();
  const { id: user, name, subject, email, groups } = person;
  const { login, expires } = visitor;
  const to = safeReturn(url.searchParams.get("to") ?? undefined);
  const code = await partOf(env, owner, "shares").enter(
    session,
    { id: user, name, subject, email, groups, login, expires },
    { to, browser },
  );
  if (code === null) throw notShared();
  // Before the code is given out: from here on the end of this login ends the visit.
  await partOf(env, visitor.user, "visits").remember(login, owner);
  return redirect(`${url.protocol}//${hostOfSession(env, sessions, session)}/enter-share?code=${code}`);
}

/**
 * On the session's own host, `/enter-share?code=…`: the cookie, for the browser that had asked.
 * @throws BerthError `unauthorized` for a code that is not its own, was used, or is too old; `cookies_refused` for a
 * browser that has not kept what it was given to be known by
 */
export async function enterShare(request: Request, env: Env): Promise<Response> {
  const { secrets } = configOf(env);
  const url = originOf(request.url);
  const session = sessionOfHost(env, url);
  if (session === undefined) throw new BerthError("not_found", "this is not served on this host");
  // Whoever looks where a link leads does not use it.
  if (request.method === "HEAD") return new Response(null, { status: 204 });
  const secure = isSecure(url);
  const code = new URL(request.url).searchParams.get("code") ?? "";
  const owner = await userOfCode(secrets, code);
  const browsers = await browsersShown(request.headers.get("cookie"), secure);
  const entry =
    owner === undefined
      ? null
      : await partOf(env, owner, "shares").take(code, { browsers, session, from: addressOf(request) });
  // Only now: the code is used up, whoever came with it, and may be seen in the address.
  if (owner !== undefined && browsers.length === 0)
    throw new BerthError("cookies_refused", `this browser has kept no cookie of ${url.host}`);
  if (entry === null)
    throw new BerthError("unauthorized", "this link was used, is too old, or is another browser's");
  const cookie = await issueShareCookie(secrets, entry.claims, { secure, now: Date.now() });
  return redirect(safeReturn(entry.to), [cookie]);
}
