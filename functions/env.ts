import type { Registry } from "./registry/registry.ts";
import type { Visitor } from "./auth/visitor.ts";
import type { Admitted } from "./workspace/access.ts";
import type { Caller, WorkspaceApi } from "./workspace/api.ts";
import type { Workspace } from "./workspace/workspace.ts";

/** The Worker's bindings. What is missing makes the edge answer `not_configured`; config.ts reads them. */
export interface Env {
  /** One object for each user's workspace. */
  WORKSPACE: DurableObjectNamespace<Workspace>;
  /** One object for the whole edge, apart from every request's way: who there is, for the operator. */
  REGISTRY: DurableObjectNamespace<Registry>;
  /** Counts attempts to log in, by address. */
  ATTEMPTS: RateLimit;
  /** Host names without a port: the console and its API on one, the applications on the other (design 7.2). */
  BERTH_CONSOLE_HOST?: string;
  BERTH_SESSIONS_HOST?: string;
  /** `one`, `each` or `none`; see hosts.ts. */
  BERTH_SESSION_HOSTS?: string;
  /** `off`: nobody shares a session with anybody. */
  BERTH_SHARING?: string;
  /** Signs cookies and tokens. Several, separated by spaces: the first signs, all are believed. */
  BERTH_COOKIE_SECRET?: string;
  /** `oidc` or `header`; `link` on one's own machine. */
  BERTH_LOGIN?: string;
  BERTH_LOGIN_IDLE_HOURS?: string;
  BERTH_LOGIN_LONGEST_HOURS?: string;
  /** Of the local instance: what a client of the API shows, and what the agent shows, as `Authorization: Bearer`. */
  BERTH_API_TOKEN?: string;
  BERTH_AGENT_TOKEN?: string;
  BERTH_OIDC_ISSUER?: string;
  BERTH_OIDC_CLIENT_ID?: string;
  BERTH_OIDC_CLIENT_SECRET?: string;
  BERTH_OIDC_SCOPE?: string;
  /** The header in which an access proxy sends its JWT, where its keys are, who signs, and for whom. */
  BERTH_PROXY_HEADER?: string;
  BERTH_PROXY_JWKS?: string;
  BERTH_PROXY_ISSUER?: string;
  BERTH_PROXY_AUDIENCE?: string;
  /** Cookies and headers of the access proxy's that no application gets; a `*` at the end stands for the rest of a name. */
  BERTH_PROXY_OWN?: string;
  /** How much one user may ask for at once; limits.ts has the defaults. */
  BERTH_LIMIT_LAUNCHES?: string;
  BERTH_LIMIT_SESSIONS?: string;
  BERTH_LIMIT_STREAMS?: string;
  BERTH_LIMIT_FOLLOWERS?: string;
  /** Keys (`whsec_…`, separated by spaces) by which the platform's calls are believed (docs/webhooks.md). */
  BERTH_WEBHOOK_SECRETS?: string;
  /** Where the platform is told of sessions, and the keys that sign it. */
  BERTH_WEBHOOK_URL?: string;
  BERTH_WEBHOOK_SIGNING_SECRETS?: string;
  BERTH_GROUPS_CLAIM?: string;
  BERTH_OPERATOR_GROUPS?: string;
  BERTH_ALLOWED_GROUPS?: string;
}

export type AppEnv = {
  Bindings: Env;
  Variables: {
    /** Who asks, and what of that the workspace has confirmed. */
    visitor: Visitor;
    admitted: Admitted;
    caller: Caller;
    /** The visitor's own workspace. */
    workspace: WorkspaceApi;
    /** Passes a request on to the workspace's object: for answers that are streams. */
    forward: (request: Request) => Promise<Response>;
    /** The hosts with the port the request came by, such as `localhost:8787`. */
    consoleHost: string;
    sessionsHost: string;
  };
};
