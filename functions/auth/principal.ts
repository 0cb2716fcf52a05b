import { BerthError } from "../../contract/problem.ts";
import type { Env, Principal } from "../env.ts";
import { hostsOf } from "../hosts.ts";
import type { Origin } from "../origin.ts";
import { hasCookie, type Audience } from "./cookie.ts";
import { isBearer } from "./token.ts";

/** Which of the two hosts a request came to; undefined for a name that is not ours (DNS rebinding). */
export function audienceOf(env: Env, url: Origin): Audience | undefined {
  const hosts = hostsOf(env, url);
  if (url.host === hosts.console) return "console";
  return url.host === hosts.sessions ? "sessions" : undefined;
}

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * A cookie is ambient: a foreign page's requests carry it too. So whatever changes something, and every WebSocket,
 * must come from a page of the very same origin (RFC 6454; Fetch metadata where the browser sends no Origin).
 */
function isForged(request: Request, url: Origin): boolean {
  const origin = request.headers.get("origin");
  const isUpgrade = request.headers.has("upgrade");
  if (SAFE.has(request.method) && !isUpgrade) return false;
  const site = request.headers.get("sec-fetch-site");
  // A page that tells no referrer sends `Origin: null` to its own origin too (Fetch, "append a request Origin header").
  if (site === "same-origin" && !isUpgrade) return false;
  if (origin !== null) return origin !== url.origin;
  return isUpgrade || (site !== null && site !== "none");
}

/**
 * Tells who asks: the API's token is good on either host, a browser's cookie on the host it was issued for.
 * @throws BerthError `not_configured`, `misdirected_host`, `unauthorized`, `forbidden`
 */
export async function principalOf(request: Request, url: Origin, env: Env): Promise<Principal> {
  const { BERTH_API_TOKEN: token, BERTH_COOKIE_SECRET: secret } = env;
  if (!token || !secret) throw new BerthError("not_configured", "this edge has no secrets yet");
  if (isBearer(request.headers.get("authorization"), token)) return { kind: "token" };
  const audience = audienceOf(env, url);
  if (audience === undefined)
    throw new BerthError("misdirected_host", `this edge does not serve ${url.host}`);
  const moment = { secure: url.protocol === "https:", now: Date.now() };
  if (!(await hasCookie(request.headers.get("cookie"), audience, secret, moment))) {
    throw new BerthError("unauthorized", "this needs a login");
  }
  if (isForged(request, url))
    throw new BerthError("forbidden", "the request came from a page of another origin");
  return { kind: "cookie" };
}
