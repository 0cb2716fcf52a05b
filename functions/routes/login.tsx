import { type Context, Hono } from "hono";
import type { Person } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { addressOf, networkOf } from "../auth/address.ts";
import { safeReturn, userOfCode } from "../auth/code.ts";
import { type Claims, clearCookie, issueCookie, readCookie } from "../auth/cookie.ts";
import { clearTransaction, keepTransaction, readTransaction } from "../auth/login-transaction.ts";
import { beginLogin, endSessionUrl, finishLogin } from "../auth/oidc.ts";
import { readLogoutToken } from "../auth/oidc-logout.ts";
import type { OidcConfig } from "../auth/oidc-provider.ts";
import { personAtProxy, type ProxyConfig } from "../auth/proxy-jwt.ts";
import { limitBody } from "../body-limit.ts";
import { configOf, type LoginConfig } from "../config.ts";
import type { AppEnv } from "../env.ts";
import { errorResponse } from "../error-response.ts";
import { htmlResponse } from "../html-response.ts";
import { loggedOutPage } from "../views/login-page.tsx";
import { partOf } from "../workspace/parts.ts";

type Ctx = Context<AppEnv>;

/** Where a provider sends a browser back to. */
const CALLBACK = "/login/callback";

/** The binding counts by the minute. Seconds. */
const ATTEMPTS_PERIOD_S = 60;

const momentOf = (c: Ctx): { secure: boolean; now: number } => ({
  secure: new URL(c.req.url).protocol === "https:",
  now: Date.now(),
});

const browserOf = (c: Ctx): { agent: string; from: string | null } => ({
  agent: c.req.header("user-agent") ?? "",
  from: addressOf(c.req.raw),
});

const destinationOf = (c: Ctx): string => safeReturn(c.req.query("to"));

/**
 * Counts an attempt to log in, by the address that it comes from.
 * @throws BerthError `too_many_requests`
 */
async function countAttempt(c: Ctx, step: "begin" | "finish" | "link"): Promise<void> {
  const { success } = await c.env.ATTEMPTS.limit({ key: `${step} ${networkOf(addressOf(c.req.raw))}` });
  if (!success)
    throw new BerthError("too_many_requests", "there were too many attempts to log in from this address", {
      retryAfter: ATTEMPTS_PERIOD_S,
    });
}

/** Gives the browser its cookie, and ends the login that it had before. */
async function enter(c: Ctx, claims: Claims, to: string): Promise<Response> {
  const { secrets } = configOf(c.env);
  const moment = momentOf(c);
  const before = await readCookie(secrets, "console", c.req.header("cookie") ?? null, moment);
  if (before !== undefined && before.login !== claims.login) {
    const by = { user: claims.user, name: "", from: addressOf(c.req.raw), via: "console" } as const;
    await partOf(c.env, before.user, "access").logout(before.login, by);
  }
  c.header("set-cookie", await issueCookie(secrets, "console", claims, moment), { append: true });
  return c.redirect(to, 302);
}

async function enterAs(
  c: Ctx,
  person: Person,
  options: { idToken: string | null; to: string },
): Promise<Response> {
  const { idToken, to } = options;
  const entered = await partOf(c.env, person.id, "access").login(person, { ...browserOf(c), idToken });
  if (!entered.ok) throw BerthError.from(entered.problem);
  return enter(c, entered.value, to);
}

/** Of the local instance: the link that was printed there. Only what fails is counted, so that nobody locks its user out. */
async function followLink(c: Ctx): Promise<Response> {
  const code = c.req.query("code");
  const user = await userOfCode(configOf(c.env).secrets, code);
  const claims =
    user === undefined || code === undefined
      ? null
      : await partOf(c.env, user, "access").takeLoginLink(code, browserOf(c));
  if (claims !== null) return enter(c, claims, destinationOf(c));
  await countAttempt(c, "link");
  throw new BerthError("unauthorized", "this link was used, or is too old");
}

async function toProvider(c: Ctx, config: OidcConfig): Promise<Response> {
  await countAttempt(c, "begin");
  const { location, transaction } = await beginLogin(config, {
    redirectUri: new URL(CALLBACK, c.req.url).href,
    to: destinationOf(c),
    asksAgain: c.req.query("as") === "another",
  });
  c.header("set-cookie", await keepTransaction(configOf(c.env).secrets, transaction, momentOf(c)));
  return c.redirect(location, 302);
}

async function byProxy(c: Ctx, config: ProxyConfig): Promise<Response> {
  await countAttempt(c, "begin");
  const person = await personAtProxy(c.req.raw.headers, config);
  return enterAs(c, person, { idToken: null, to: destinationOf(c) });
}

function beginBy(c: Ctx, config: LoginConfig): Promise<Response> {
  if (config.kind !== "link" && c.req.query("code") !== undefined)
    throw new BerthError("not_found", "this edge has no login links");
  switch (config.kind) {
    case "link":
      return followLink(c);
    case "oidc":
      return toProvider(c, config);
    case "header":
      return byProxy(c, config);
    default:
      return config satisfies never;
  }
}

async function begin(c: Ctx): Promise<Response> {
  const { login } = configOf(c.env);
  // A link preview asks by HEAD, which is no use of the link, and no login.
  return c.req.raw.method === "HEAD" ? c.body(null, 204) : beginBy(c, login);
}

/** Whatever comes of it, the transaction is over: an answer of the provider's is looked at once. */
async function finish(c: Ctx): Promise<Response> {
  const { login, secrets } = configOf(c.env);
  if (login.kind !== "oidc") throw new BerthError("not_found", "this edge asks no provider");
  const moment = momentOf(c);
  const transaction = await readTransaction(secrets, c.req.header("cookie") ?? null, moment);
  const to = safeReturn(transaction?.to);
  try {
    await countAttempt(c, "finish");
    const { person, idToken } = await finishLogin(login, new URL(c.req.url), transaction);
    c.header("set-cookie", clearTransaction(moment.secure), { append: true });
    return await enterAs(c, person, { idToken, to });
  } catch (error) {
    const response = await errorResponse(c.req.raw, error, c.env, { to });
    response.headers.append("set-cookie", clearTransaction(moment.secure));
    return response;
  }
}

/** Where the browser is to log out at the provider, too; null where there is no such place, undefined where it cannot be told. */
async function providersLogout(c: Ctx, idToken: string | null): Promise<string | null | undefined> {
  const { login } = configOf(c.env);
  if (login.kind !== "oidc") return null;
  try {
    return await endSessionUrl(login, { idToken, returnTo: new URL("/", c.req.url).href });
  } catch {
    return undefined;
  }
}

/** The policy of the page with the button forbids its form to lead to another host; a page may go there by itself. */
async function onToProvider(href: string | undefined): Promise<Response> {
  const response = await htmlResponse(loggedOutPage(href ?? null), 200);
  if (href !== undefined) response.headers.set("refresh", `0;url=${href}`);
  return response;
}

/** Ends this login, or with the form's `everywhere` all of this user; then leads to the provider's own logout. */
export async function logout(c: Ctx): Promise<Response> {
  const { visitor, caller } = c.var;
  const cleared = clearCookie("console", momentOf(c).secure);
  if (visitor.kind !== "browser") {
    c.header("set-cookie", cleared);
    return c.redirect("/", 303);
  }
  const { everywhere } = await c.req.parseBody().catch(() => ({ everywhere: undefined }));
  const which = everywhere === "1" ? "all" : visitor.login;
  const { idToken } = await partOf(c.env, visitor.user, "access").logout(which, caller);
  const href = await providersLogout(c, idToken);
  if (href === null) {
    c.header("set-cookie", cleared);
    return c.redirect("/", 303);
  }
  const response = await onToProvider(href);
  response.headers.append("set-cookie", cleared);
  return response;
}

/** The provider says that somebody has logged out there: no browser's request, and no login's. */
async function endByProvider(c: Ctx): Promise<Response> {
  const { login } = configOf(c.env);
  if (login.kind !== "oidc") throw new BerthError("not_found", "this edge asks no provider");
  const { logout_token: token } = await c.req.parseBody();
  if (typeof token !== "string") throw new BerthError("invalid_request", "logout_token: is missing");
  const ended = await readLogoutToken(login, token);
  const isNew = await partOf(c.env, ended.user, "access").logoutByProvider(ended);
  if (!isNew) throw new BerthError("invalid_request", "this logout token was used");
  return c.body(null, 200);
}

/** A logout token is a JWT of a few claims; bytes. */
const limitLogoutToken = limitBody(65_536);

/** The ways in, and the provider's own way to end a login, on the console's host. None needs a login. */
export function loginRoutes(): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/login", begin);
  routes.get(CALLBACK, finish);
  routes.post("/logout/back-channel", limitLogoutToken, endByProvider);
  return routes;
}
