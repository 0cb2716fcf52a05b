import { SessionId } from "../contract/ids.ts";
import type { Env } from "./env.ts";
import type { Origin } from "./origin.ts";

/**
 * Where applications are served: all on the one host of the sessions, `each` session on a host of its own below that
 * one, or on the console's (`none` of their own), which gives up what keeps them apart from Berth.
 */
export type SessionHosts = "one" | "each" | "none";

/** The console's host and the applications' host, each with the port by which the request came. */
export type Hosts = Readonly<{ console: string; sessions: string }>;

/** What the operator has chosen; config.ts refuses anything else. */
export const sessionHostsOf = (env: Env): SessionHosts =>
  env.BERTH_SESSION_HOSTS === "each" || env.BERTH_SESSION_HOSTS === "none" ? env.BERTH_SESSION_HOSTS : "one";

/** By the port, of which an edge has one or two, and a client may name many. */
const known = new WeakMap<Env, Map<string, Hosts>>();
const KEPT = 64;

/**
 * Console and applications live on two hosts, so that an application's scripts can call none of Berth's routes
 * (design 7.2). The port is the request's: behind a forwarded port the addresses stay right.
 */
export function hostsOf(env: Env, url: Pick<Origin, "port">): Hosts {
  const byPort = known.get(env) ?? new Map<string, Hosts>();
  const before = byPort.get(url.port);
  if (before !== undefined) return before;
  const hosts = hostsWith(env, url.port === "" ? "" : `:${url.port}`);
  if (byPort.size >= KEPT) byPort.clear();
  known.set(env, byPort.set(url.port, hosts));
  return hosts;
}

function hostsWith(env: Env, port: string): Hosts {
  const console = (env.BERTH_CONSOLE_HOST ?? "localhost") + port;
  const sessions = (env.BERTH_SESSIONS_HOST ?? "sessions.localhost") + port;
  return { console, sessions: sessionHostsOf(env) === "none" ? console : sessions };
}

/**
 * The host on which one session's application is opened.
 * @param sessions the sessions' host, of `hostsOf`
 */
export const hostOfSession = (env: Env, sessions: string, id: string): string =>
  sessionHostsOf(env) === "each" ? `${id}.${sessions}` : sessions;

/** Whose own host it is; undefined for a host that is no session's own. */
export function sessionOfHost(env: Env, url: Pick<Origin, "host" | "port">): SessionId | undefined {
  if (sessionHostsOf(env) !== "each") return undefined;
  const below = `.${hostsOf(env, url).sessions}`;
  return url.host.endsWith(below) ? SessionId.safeParse(url.host.slice(0, -below.length)).data : undefined;
}
