import type { SessionId } from "../../contract/ids.ts";
import { BerthError } from "../../contract/problem.ts";
import { configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { sessionOfHost } from "../hosts.ts";
import type { Origin } from "../origin.ts";
import { rawTarget } from "../relay/path.ts";
import { personAtProxy } from "./proxy-jwt.ts";
import { readShareCookie, type ShareClaims } from "./share-cookie.ts";
import { isForged, type Visitor, visitorOf } from "./visitor.ts";

/**
 * Who asks for a session that its owner shares with them. No `Visitor`: nothing but that session's application takes one,
 * on the session's own host.
 */
export type Guest = { kind: "guest" } & ShareClaims;

/** True for `/s/…`, which is the guests' alone. */
export const isForGuests = (request: Request): boolean => /^\/s(?=[/?]|$)/.test(rawTarget(request.url));

async function guestOf(
  request: Request,
  url: Origin,
  env: Env,
  session: SessionId,
): Promise<Guest | undefined> {
  const { login, secrets } = configOf(env);
  const moment = { secure: url.protocol === "https:", now: Date.now() };
  const claims = await readShareCookie(secrets, session, request.headers.get("cookie"), moment);
  if (claims === undefined) return undefined;
  if (login.kind === "header" && (await personAtProxy(request.headers, login)).id !== claims.guest)
    return undefined;
  return { kind: "guest", ...claims };
}

async function visitorElse(request: Request, url: Origin, env: Env): Promise<Visitor | undefined> {
  try {
    return await visitorOf(request, url, env);
  } catch (error) {
    if (error instanceof BerthError && error.code === "unauthorized") return undefined;
    throw error;
  }
}

/**
 * Tells who asks for an application: a guest by the cookie for this session's own host; on `/me` and `/sme` its owner
 * first, since somebody else may have been a guest in the same browser.
 * @throws BerthError as `visitorOf`; `not_found` for `/s/…` on any other host
 */
export async function askerOf(request: Request, url: Origin, env: Env): Promise<Visitor | Guest> {
  const session = sessionOfHost(env, url);
  const isShared = isForGuests(request);
  if (session === undefined) {
    if (isShared) throw new BerthError("not_found", "nothing is shared on this host");
    return visitorOf(request, url, env);
  }
  const guest = await guestOf(request, url, env, session);
  if (guest === undefined) {
    if (isShared) throw new BerthError("unauthorized", "this needs a login");
    return visitorOf(request, url, env);
  }
  const visitor = isShared ? undefined : await visitorElse(request, url, env);
  if (visitor?.kind === "program" || visitor?.user === guest.owner) return visitor;
  if (isForged(request, url))
    throw new BerthError("forbidden", "the request came from a page of another origin");
  return guest;
}

/** Names whom a stream is for, as `visitorKey` does for those who are no guests. */
export const guestKey = ({ share, login }: Pick<ShareClaims, "share" | "login">): string =>
  `share:${share}:${login}`;
