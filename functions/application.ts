import { BerthError } from "../contract/problem.ts";
import { askConsole, toApplications, toConsole } from "./auth/hand-over.ts";
import { askForShare } from "./auth/enter-share.ts";
import { askerOf, type Guest, isForGuests } from "./auth/guest.ts";
import { audienceOf, visitorOf } from "./auth/visitor.ts";
import type { Env } from "./env.ts";
import { withTarget } from "./forwarded.ts";
import { sessionHostsOf, sessionOfHost } from "./hosts.ts";
import { type Origin, originOf } from "./origin.ts";
import { rawTarget } from "./relay/path.ts";
import { isTopLevel, wantsPage } from "./wants-page.ts";

const APPLICATION = /^\/(?:s|s?me)(?=[/?]|$)/;

/** True for `/me/…`, `/sme/…` and the guests' `/s/…`, by the very bytes that were sent. */
export const isApplication = (request: Request): boolean => APPLICATION.test(rawTarget(request.url));

/** What can be sent elsewhere: it is looked at by a person, in no frame, and has no body. */
const isNavigation = (request: Request): boolean =>
  request.method === "GET" && !request.headers.has("upgrade") && wantsPage(request) && isTopLevel(request);

/**
 * A browser on its way from the console. Where each session has a host of its own, the workspace tells which.
 * @throws BerthError `misdirected_host` for what cannot be repeated elsewhere
 */
function fromConsole(request: Request, url: Origin, env: Env): Response | undefined {
  if (sessionHostsOf(env) === "none") return undefined;
  if (request.method !== "GET")
    throw new BerthError("misdirected_host", "applications are served on the sessions' host");
  return sessionHostsOf(env) === "one" ? toApplications(request, url, env) : undefined;
}

/**
 * A request for a session's application: on the sessions' host for browsers, on any for an API token, which no page
 * sends by itself, and for a guest on the session's own host. It does not pass through the router: nothing may touch the
 * answer's head, or copy its body. Whether the visitor's login or token still counts, the workspace says itself, on the
 * way to the application.
 * @throws BerthError when it may not be answered
 */
export async function serveApplication(request: Request, env: Env): Promise<Response> {
  const url = originOf(request.url);
  try {
    const mayBeGuest = sessionOfHost(env, url) !== undefined || isForGuests(request);
    const visitor = await (mayBeGuest ? askerOf : visitorOf)(request, url, env);
    if (visitor.kind === "guest") return await serveGuest(request, url, visitor, env);
    const isFromConsole = visitor.kind === "browser" && visitor.audience === "console";
    const elsewhere = isFromConsole ? fromConsole(request, url, env) : undefined;
    if (elsewhere !== undefined) return elsewhere;
    const response = await env.WORKSPACE.getByName(visitor.user).fetch(withTarget(request));
    if (response.status !== 401 || visitor.kind !== "browser" || !isOver(response)) return response;
    throw new BerthError("unauthorized", "this login is over, or was ended");
  } catch (error) {
    const audience = audienceOf(env, url);
    const isElsewhere = audience !== undefined && audience !== "console";
    if (!(error instanceof BerthError) || !isElsewhere || !isNavigation(request)) throw error;
    // The console knows whether a browser without a cookie for this host may have one, and which host a session has.
    if (error.code === "unauthorized")
      return isForGuests(request) ? askForShare(request, url, env) : askConsole(request, url, env);
    if (error.code === "misdirected_host") return toConsole(request, url, env);
    throw error;
  }
}

/** In the owner's workspace, which knows whether the session is shared with them still. */
async function serveGuest(request: Request, url: Origin, guest: Guest, env: Env): Promise<Response> {
  const response = await env.WORKSPACE.getByName(guest.owner).fetch(withTarget(request));
  if (response.status !== 401 || !isOver(response)) return response;
  // It may be shared with them anew: the console tells.
  if (isNavigation(request)) return askForShare(request, url, env);
  throw new BerthError("not_found", "nothing is shared with you here");
}

/** Marks the workspace's own refusal, which is not the application's 401; never passed to a browser. */
export const OVER_HEADER = "berth-login-over";
const isOver = (response: Response): boolean => response.headers.has(OVER_HEADER);
