import type { WorkspaceApi } from "./workspace/api.ts";
import type { Workspace } from "./workspace/workspace.ts";

/** The Worker's bindings. A secret that is missing makes the edge answer `not_configured`: it never opens by default. */
export interface Env {
  WORKSPACE: DurableObjectNamespace<Workspace>;
  /** Host names without a port: the console and its API on one, the applications on the other (design 7.2). */
  BERTH_CONSOLE_HOST?: string;
  BERTH_SESSIONS_HOST?: string;
  /** What a client of the API shows as `Authorization: Bearer`. */
  BERTH_API_TOKEN?: string;
  /** What the agent shows on `/agent/*`, and nobody anywhere else. */
  BERTH_AGENT_TOKEN?: string;
  /** Signs the cookies. */
  BERTH_COOKIE_SECRET?: string;
}

/** Who asks: a browser with a cookie, or a program with the API token. */
export type Principal = { kind: "cookie" } | { kind: "token" };

export type AppEnv = {
  Bindings: Env;
  Variables: {
    principal: Principal;
    workspace: WorkspaceApi;
    /** Passes a request on to the workspace's object: for answers that are streams. */
    forward: (request: Request) => Promise<Response>;
    /** The hosts with the port the request came by, such as `localhost:8787`. */
    consoleHost: string;
    sessionsHost: string;
  };
};
