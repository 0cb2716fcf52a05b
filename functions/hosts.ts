import type { Env } from "./env.ts";
import type { Origin } from "./origin.ts";

/** The console's host and the applications' host, each with the port by which the request came. */
export type Hosts = { console: string; sessions: string };

/**
 * Console and applications live on two hosts, so that an application's scripts can call none of Berth's routes
 * (design 7.2). The port is the request's: behind a forwarded port the addresses stay right.
 */
export function hostsOf(env: Env, url: Pick<Origin, "port">): Hosts {
  const port = url.port === "" ? "" : `:${url.port}`;
  return {
    console: (env.BERTH_CONSOLE_HOST ?? "localhost") + port,
    sessions: (env.BERTH_SESSIONS_HOST ?? "sessions.localhost") + port,
  };
}
