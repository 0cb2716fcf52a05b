import { BerthError } from "../contract/problem.ts";
import type { Env } from "./env.ts";
import { type WebhooksConfig, webhooksOf } from "./webhooks/config.ts";
import { type SessionHosts, sessionHostsOf } from "./hosts.ts";
import { type Limits, limitsOf } from "./limits.ts";

/** How people log in: by a one-time link on their own machine, by OpenID Connect, or by the access proxy in front. */
export type LoginConfig =
  | { kind: "link"; apiToken: string; agentToken: string }
  | {
      kind: "oidc";
      issuer: string;
      clientId: string;
      clientSecret: string | null;
      scope: string;
      groups: GroupsConfig;
    }
  | {
      kind: "header";
      header: string;
      jwks: string;
      issuer: string;
      audience: string;
      /** The names of the proxy's own cookies and headers: whoever has these is at the proxy whom they were given. */
      own: RegExp;
      groups: GroupsConfig;
    };

/** Which claim holds a user's groups, and what they give. */
export type GroupsConfig = {
  claim: string;
  /** Members of one of these are operators. */
  operators: readonly string[];
  /** Members of one of these may log in; null: whoever the provider knows. */
  allowed: readonly string[] | null;
};

/** What the operator has set, checked. */
export type Config = {
  /** Signs cookies and tokens: the newest first, separated by spaces. */
  secrets: string;
  login: LoginConfig;
  sessionHosts: SessionHosts;
  /** A login that is not used for so long is over, and each after the longest. Milliseconds. */
  idleMs: number;
  longestMs: number;
  webhooks: WebhooksConfig;
  /** How much one user may ask for at once. */
  limits: Limits;
};

/** On one's own machine a browser stays logged in. */
const LINK_DAYS = 30;
const HOUR_MS = 3_600_000;
const DEFAULT_IDLE_HOURS = 24;
const DEFAULT_LONGEST_HOURS = 168;

const words = (text: string | undefined): string[] =>
  (text ?? "").split(/[\s,]+/).filter((word) => word !== "");

/** What those call theirs that are met most: Cloudflare Access, oauth2-proxy, Pomerium, AWS's load balancers. */
const PROXY_OWN =
  "CF_Authorization CF_AppSession _oauth2_proxy* X-Auth-Request-* _pomerium* X-Pomerium-* AWSELBAuthSessionCookie* X-Amzn-Oidc-*";

function proxyOwn(more: string | undefined): RegExp {
  const names = [...words(PROXY_OWN), ...words(more)];
  const wrong = names.find((name) => !/^[\w-]+\*?$/.test(name));
  if (wrong !== undefined)
    throw new BerthError("not_configured", `BERTH_PROXY_OWN: "${wrong}" is no name of a cookie or header`);
  return new RegExp(`^(?:${names.map((name) => name.replace("*", ".*")).join("|")})$`, "i");
}

function required(env: Env, name: keyof Env): string {
  const value = env[name];
  if (typeof value === "string" && value !== "") return value;
  throw new BerthError("not_configured", `this edge has no ${name}`);
}

function hours(
  env: Env,
  name: "BERTH_LOGIN_IDLE_HOURS" | "BERTH_LOGIN_LONGEST_HOURS",
  otherwise: number,
): number {
  const value = Number(env[name] ?? otherwise);
  if (Number.isFinite(value) && value > 0) return value * HOUR_MS;
  throw new BerthError("not_configured", `${name} must be a number of hours`);
}

function groupsConfig(env: Env): GroupsConfig {
  const allowed = words(env.BERTH_ALLOWED_GROUPS);
  // Whoever sets it wants not everybody in.
  if (env.BERTH_ALLOWED_GROUPS !== undefined && allowed.length === 0)
    throw new BerthError("not_configured", "BERTH_ALLOWED_GROUPS names no group: name some, or unset it");
  return {
    claim: env.BERTH_GROUPS_CLAIM ?? "groups",
    operators: words(env.BERTH_OPERATOR_GROUPS),
    allowed: allowed.length === 0 ? null : allowed,
  };
}

/** Loopback names: what a browser never resolves to another machine (RFC 6761, section 6.3). */
const isLocalName = (host: string): boolean => host === "localhost" || host.endsWith(".localhost");

function loginConfig(env: Env): LoginConfig {
  const kind = env.BERTH_LOGIN;
  switch (kind) {
    case "link":
      // Whoever has the link is in: that is for one's own machine, and an edge with a public name never does it.
      if (!isLocalName(env.BERTH_CONSOLE_HOST ?? "localhost"))
        throw new BerthError("not_configured", "BERTH_LOGIN=link is for localhost alone: use oidc or header");
      return {
        kind,
        apiToken: required(env, "BERTH_API_TOKEN"),
        agentToken: required(env, "BERTH_AGENT_TOKEN"),
      };
    case "oidc":
      return {
        kind,
        issuer: required(env, "BERTH_OIDC_ISSUER"),
        clientId: required(env, "BERTH_OIDC_CLIENT_ID"),
        clientSecret: env.BERTH_OIDC_CLIENT_SECRET ?? null,
        scope: env.BERTH_OIDC_SCOPE ?? "openid profile email",
        groups: groupsConfig(env),
      };
    case "header":
      return {
        kind,
        header: required(env, "BERTH_PROXY_HEADER"),
        jwks: required(env, "BERTH_PROXY_JWKS"),
        issuer: required(env, "BERTH_PROXY_ISSUER"),
        audience: required(env, "BERTH_PROXY_AUDIENCE"),
        own: proxyOwn(env.BERTH_PROXY_OWN),
        groups: groupsConfig(env),
      };
    default:
      throw new BerthError("not_configured", "BERTH_LOGIN must be oidc or header (docs/operator.md)");
  }
}

/** Applications on the console's host are a choice, never an accident: whoever has set two names means two. */
function sessionHosts(env: Env): SessionHosts {
  const said = env.BERTH_SESSION_HOSTS ?? "one";
  const hosts = sessionHostsOf(env);
  if (said !== hosts)
    throw new BerthError("not_configured", `BERTH_SESSION_HOSTS is one, each or none, not "${said}"`);
  const { BERTH_CONSOLE_HOST: console = "localhost", BERTH_SESSIONS_HOST: sessions } = env;
  if (sessions === undefined && hosts !== "none" && !isLocalName(console))
    throw new BerthError("not_configured", "this edge has no BERTH_SESSIONS_HOST");
  const isSame = (sessions ?? (hosts === "none" ? console : "sessions.localhost")) === console;
  if (isSame === (hosts === "none")) return hosts;
  const message = isSame
    ? "BERTH_SESSIONS_HOST is the console's host: name another, or set BERTH_SESSION_HOSTS=none"
    : "BERTH_SESSION_HOSTS=none leaves the sessions no host: unset BERTH_SESSIONS_HOST";
  throw new BerthError("not_configured", message);
}

/** Whoever guesses a secret is everybody. Characters. */
const SHORTEST_SECRET = 16;

/** @throws BerthError `not_configured`, also for a secret beside a good one that is too short */
function cookieSecrets(env: Env): string {
  const secrets = required(env, "BERTH_COOKIE_SECRET");
  const each = words(secrets);
  if (each.length > 0 && each.every((secret) => secret.length >= SHORTEST_SECRET)) return secrets;
  throw new BerthError(
    "not_configured",
    `BERTH_COOKIE_SECRET needs secrets of at least ${SHORTEST_SECRET} characters`,
  );
}

function read(env: Env): Config {
  const login = loginConfig(env);
  const isLink = login.kind === "link";
  return {
    secrets: cookieSecrets(env),
    login,
    sessionHosts: sessionHosts(env),
    idleMs: hours(env, "BERTH_LOGIN_IDLE_HOURS", isLink ? LINK_DAYS * 24 : DEFAULT_IDLE_HOURS),
    longestMs: hours(env, "BERTH_LOGIN_LONGEST_HOURS", isLink ? LINK_DAYS * 24 : DEFAULT_LONGEST_HOURS),
    webhooks: webhooksOf(env),
    limits: limitsOf(env),
  };
}

const known = new WeakMap<Env, Config>();

/**
 * The configuration, read once for each set of bindings.
 * @throws BerthError `not_configured`, which names what is missing: an edge never opens by default
 */
export function configOf(env: Env): Config {
  const kept = known.get(env);
  if (kept !== undefined) return kept;
  const config = read(env);
  known.set(env, config);
  return config;
}
