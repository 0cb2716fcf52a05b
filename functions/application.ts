import { BerthError } from "../contract/problem.ts";
import { issueCode } from "./auth/code.ts";
import { audienceOf, principalOf } from "./auth/principal.ts";
import type { Env } from "./env.ts";
import { withTarget } from "./forwarded.ts";
import { hostsOf } from "./hosts.ts";
import { type Origin, originOf } from "./origin.ts";
import { rawTarget } from "./relay/path.ts";
import { wantsPage } from "./wants-page.ts";

const APPLICATION = /^\/s?me(?=[/?]|$)/;

/** True for `/me/…` and `/sme/…`, by the very bytes that were sent. */
export const isApplication = (request: Request): boolean => APPLICATION.test(rawTarget(request.url));

/** A browser with the console's cookie gets a cookie for the applications' host, by a code that works once. */
async function handOver(request: Request, url: Origin, env: Env): Promise<Response> {
  if (request.method !== "GET")
    throw new BerthError("misdirected_host", "applications are served on the sessions' host");
  const code = await issueCode(env.WORKSPACE.getByName("local"), "enter");
  const to = encodeURIComponent(rawTarget(request.url));
  return redirect(`${url.protocol}//${hostsOf(env, url).sessions}/enter?code=${code}&to=${to}`);
}

const redirect = (location: string): Response =>
  new Response(null, { status: 302, headers: { location, "cache-control": "no-store" } });

/**
 * A request for a session's application: on the sessions' host for browsers, on either for the API's token, which no
 * page sends by itself. It does not pass through the router: nothing may touch the answer's head, or copy its body.
 * @throws BerthError when it may not be answered
 */
export async function serveApplication(request: Request, env: Env): Promise<Response> {
  const url = originOf(request.url);
  const isConsole = audienceOf(env, url) === "console";
  try {
    const principal = await principalOf(request, url, env);
    if (principal.kind === "cookie" && isConsole) return await handOver(request, url, env);
  } catch (error) {
    // The console knows whether a browser without a cookie for this host may have one.
    const mayAsk =
      error instanceof BerthError && error.code === "unauthorized" && !isConsole && request.method === "GET";
    if (mayAsk && wantsPage(request))
      return redirect(`${url.protocol}//${hostsOf(env, url).console}${rawTarget(request.url)}`);
    throw error;
  }
  return env.WORKSPACE.getByName("local").fetch(withTarget(request));
}
