import { BerthError } from "../contract/problem.ts";
import { askConsole, toApplications } from "./auth/hand-over.ts";
import { audienceOf, visitorOf } from "./auth/visitor.ts";
import type { Env } from "./env.ts";
import { withTarget } from "./forwarded.ts";
import { originOf } from "./origin.ts";
import { rawTarget } from "./relay/path.ts";
import { wantsPage } from "./wants-page.ts";

const APPLICATION = /^\/s?me(?=[/?]|$)/;

/** True for `/me/…` and `/sme/…`, by the very bytes that were sent. */
export const isApplication = (request: Request): boolean => APPLICATION.test(rawTarget(request.url));

/**
 * A request for a session's application: on the sessions' host for browsers, on either for an API token, which no page
 * sends by itself. It does not pass through the router: nothing may touch the answer's head, or copy its body. Whether
 * the visitor's login or token still counts, the workspace says itself, on the way to the application.
 * @throws BerthError when it may not be answered
 */
export async function serveApplication(request: Request, env: Env): Promise<Response> {
  const url = originOf(request.url);
  try {
    const visitor = await visitorOf(request, url, env);
    if (visitor.kind === "browser" && visitor.audience === "console")
      return toApplications(request, url, env);
    const response = await env.WORKSPACE.getByName(visitor.user).fetch(withTarget(request));
    if (response.status !== 401 || visitor.kind !== "browser" || !isOver(response)) return response;
    throw new BerthError("unauthorized", "this login is over, or was ended");
  } catch (error) {
    // The console knows whether a browser without a cookie for this host may have one.
    const mayAsk =
      error instanceof BerthError &&
      error.code === "unauthorized" &&
      audienceOf(env, url) === "sessions" &&
      request.method === "GET" &&
      !request.headers.has("upgrade");
    if (mayAsk && wantsPage(request)) return askConsole(request, url, env);
    throw error;
  }
}

/** Marks the workspace's own refusal, which is not the application's 401; never passed to a browser. */
export const OVER_HEADER = "berth-login-over";
const isOver = (response: Response): boolean => response.headers.has(OVER_HEADER);
