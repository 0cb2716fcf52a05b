import { LOCAL_USER, type UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { type Config, configOf } from "../config.ts";
import type { Env } from "../env.ts";
import { hostsOf, sessionHostsOf, sessionOfHost } from "../hosts.ts";
import type { Origin } from "../origin.ts";
import { isTopLevel } from "../wants-page.ts";
import { type Audience, type Claims, readCookie } from "./cookie.ts";
import { bearerOf, readCredential } from "./credential.ts";
import { checkAtProxy } from "./proxy-jwt.ts";
import { SeenVisitors } from "./seen-visitors.ts";
import { isSame } from "./token.ts";

/**
 * Who asks, as far as it can be told by what they show: no object is asked. Whether the proof still counts, whether its
 * login was not ended nor its token revoked, the workspace that is visited knows (workspace/access.ts).
 */
export type Visitor =
  | ({ kind: "browser"; audience: Audience } & Claims)
  | { kind: "program"; user: UserId; token: string; secret: string };

/** An agent, and the token that it has shown. */
export type VisitingAgent = { user: UserId; token: string; secret: string };

/** The id of the tokens of the local instance, which are in its environment rather than in a workspace. */
export const LOCAL_TOKEN = "local";

/** Which of our hosts a request came to; undefined for a name that is not ours (DNS rebinding). */
export function audienceOf(env: Env, url: Origin): Audience | undefined {
  const hosts = hostsOf(env, url);
  if (url.host === hosts.console) return "console";
  return url.host === hosts.sessions ? "sessions" : sessionOfHost(env, url);
}

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * A cookie is ambient: a foreign page's requests carry it too, and one of the same site's whatever `SameSite` says. Such a
 * page may lead somebody here, and neither frame nor fetch anything (Fetch Metadata Request Headers). Whatever changes
 * something, and every WebSocket, must come from a page of the very same origin (RFC 6454).
 */
export function isForged(request: Request, url: Origin): boolean {
  const isUpgrade = request.headers.has("upgrade");
  const site = request.headers.get("sec-fetch-site");
  const isForeign = site === "same-site" || site === "cross-site";
  // A page has what it links to fetched ahead (Sec-Purpose) without anybody's doing.
  if (SAFE.has(request.method) && !isUpgrade)
    return isForeign && (!isTopLevel(request) || request.headers.has("sec-purpose"));
  const origin = request.headers.get("origin");
  // A page that tells no referrer sends `Origin: null` to its own origin too (Fetch, "append a request Origin header").
  if (site === "same-origin" && !isUpgrade) return false;
  if (origin !== null) return origin !== url.origin;
  return isUpgrade || (site !== null && site !== "none");
}

/** By their `Authorization` header. */
const programs = new SeenVisitors();
/** By the origin that they came to, which says for whom a cookie must be, and their `Cookie` header. */
const browsers = new SeenVisitors();

const proofOf = (url: Origin, cookie: string | null): string => `${url.origin}\n${cookie ?? ""}`;

/** Tells by what this isolate has found good before who asks; undefined when it has not seen this proof yet. */
export function seenVisitor({ headers }: Request, url: Origin, env: Env): Visitor | undefined {
  const config = configOf(env);
  const authorization = headers.get("authorization");
  return authorization === null
    ? browsers.get(config, proofOf(url, headers.get("cookie")), Date.now())
    : programs.get(config, authorization, Date.now());
}

async function programOf(authorization: string, env: Env): Promise<Visitor | undefined> {
  const config = configOf(env);
  const token = bearerOf(authorization);
  const program = token === undefined ? undefined : await programWith(token, config);
  if (program !== undefined) programs.add(config, authorization, program);
  return program;
}

async function browserOf(cookie: string | null, url: Origin, env: Env): Promise<Visitor> {
  const config = configOf(env);
  const audience = audienceOf(env, url);
  if (audience === undefined)
    throw new BerthError("misdirected_host", `this edge does not serve ${url.host}`);
  // Also to a cookie from the time when sessions shared this host.
  if (audience === "sessions" && sessionHostsOf(env) === "each")
    throw new BerthError("misdirected_host", "each session is served on a host of its own");
  const moment = { secure: url.protocol === "https:", now: Date.now() };
  const claims = await readCookie(config.secrets, audience, cookie, moment);
  if (claims === undefined) throw new BerthError("unauthorized", "this needs a login");
  const browser = { kind: "browser", audience, ...claims } as const;
  browsers.add(config, proofOf(url, cookie), browser);
  return browser;
}

async function programWith(token: string, { login, secrets }: Config): Promise<Visitor | undefined> {
  if (login.kind === "link" && isSame(token, login.apiToken))
    return { kind: "program", user: LOCAL_USER, token: LOCAL_TOKEN, secret: token };
  const credential = await readCredential(secrets, "api", token);
  if (credential === undefined) return undefined;
  return { kind: "program", user: credential.user, token: credential.id, secret: token };
}

/**
 * Tells who asks: an API token is good on either host, a browser's cookie on the host it was issued for.
 * @throws BerthError `not_configured`, `misdirected_host`, `unauthorized`, `forbidden`
 */
export async function visitorOf(request: Request, url: Origin, env: Env): Promise<Visitor> {
  const visitor = seenVisitor(request, url, env) ?? (await forwardedVisitor(request, url, env));
  if (visitor.kind === "program") return visitor;
  const { login } = configOf(env);
  if (login.kind === "header") await checkAtProxy(request.headers, login, visitor);
  if (isForged(request, url))
    throw new BerthError("forbidden", "the request came from a page of another origin");
  return visitor;
}

/**
 * The same, of a request that a function has let through and passed on to a workspace's object: where it came from was
 * looked at there, and is not looked at twice on every request's way. The proof is read anew: whoever is in a hurry asks
 * `seenVisitor` first.
 */
export async function forwardedVisitor(request: Request, url: Origin, env: Env): Promise<Visitor> {
  const authorization = request.headers.get("authorization");
  const program = authorization === null ? undefined : await programOf(authorization, env);
  return program ?? browserOf(request.headers.get("cookie"), url, env);
}

/** A token that looks right is one of another edge's, or was signed with a secret that is not believed any more. */
const agentUnknown = (token: string | undefined): string =>
  token?.startsWith("berth_agent_") === true
    ? "this edge did not make this agent's token, or its secret was replaced: join it again"
    : "this is the agent's own road";

/**
 * Tells which agent asks, by its token alone.
 * @throws BerthError `not_configured`, `unauthorized`
 */
export async function visitingAgent(request: Request, env: Env): Promise<VisitingAgent> {
  const { login, secrets } = configOf(env);
  const token = bearerOf(request.headers.get("authorization"));
  if (token !== undefined && login.kind === "link" && isSame(token, login.agentToken))
    return { user: LOCAL_USER, token: LOCAL_TOKEN, secret: token };
  const credential = token === undefined ? undefined : await readCredential(secrets, "agent", token);
  if (token === undefined || credential === undefined)
    throw new BerthError("unauthorized", agentUnknown(token));
  return { user: credential.user, token: credential.id, secret: token };
}

/** Names whom a stream is for, to the agent, which ends it when they may not see it any more. No secret. */
export const visitorKey = (visitor: Visitor): string =>
  visitor.kind === "browser" ? `login:${visitor.login}` : `token:${visitor.token}`;
