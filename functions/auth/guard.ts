import type { Context, MiddlewareHandler } from "hono";
import type { Role, Scope } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { configOf } from "../config.ts";
import type { AppEnv } from "../env.ts";
import { originOf } from "../origin.ts";
import { partOf } from "../workspace/parts.ts";
import { addressOf } from "./address.ts";
import { issueCookie, saysCookie } from "./cookie.ts";
import { audienceOf, isForged, visitingAgent, visitorOf, type Visitor } from "./visitor.ts";

type Ctx = Context<AppEnv>;

/** A stream's head has long been sent when its reader would need a new cookie, and an upgrade has none. */
const mayRotate = (c: Ctx, visitor: Visitor): boolean =>
  visitor.kind === "browser" && visitor.audience === "console" && !c.req.raw.headers.has("upgrade");

/** Lets people and their programs in, and nobody else: asks the workspace whether their proof still counts. */
export const requireLogin: MiddlewareHandler<AppEnv> = async (c, next) => {
  const url = new URL(c.req.url);
  const visitor = await visitorOf(c.req.raw, url, c.env);
  const rotates = mayRotate(c, visitor);
  const admission = await partOf(c.env, visitor.user, "access").admit(visitor, rotates);
  if (!admission.ok) throw BerthError.from(admission.problem);
  const admitted = admission.value;
  c.set("visitor", visitor);
  c.set("admitted", admitted);
  const via = visitor.kind === "browser" ? "console" : "api";
  c.set("caller", { user: visitor.user, name: admitted.name, from: addressOf(c.req.raw), via });
  await next();
  if (visitor.kind !== "browser" || !rotates || admitted.generation === visitor.generation) return;
  const secure = url.protocol === "https:";
  if (saysCookie(c.res.headers, visitor.audience, secure)) return;
  const now = Date.now();
  const claims = { ...visitor, generation: admitted.generation ?? visitor.generation, issued: now };
  const { kind: _kind, audience, ...said } = claims;
  const cookie = await issueCookie(configOf(c.env).secrets, audience, said, { secure, now });
  c.header("set-cookie", cookie, { append: true });
};

/** Where nobody is logged in yet: a login, too, is begun and ended by what a tab itself follows, and by no page's request. */
export const refuseForged: MiddlewareHandler<AppEnv> = (c, next) => {
  if (isForged(c.req.raw, originOf(c.req.url)))
    throw new BerthError("forbidden", "the request came from a page of another origin");
  return next();
};

/** Lets nothing but an agent in: no browser, no API token. Whether its token still counts, its workspace knows. */
export const requireAgent: MiddlewareHandler<AppEnv> = async (c, next) => {
  const agent = await visitingAgent(c.req.raw, c.env);
  c.set("forward", async (request) => c.env.WORKSPACE.getByName(agent.user).fetch(request));
  return next();
};

/** The console and its API are not served on the applications' host, not even to a cookie from there. */
export const consoleOnly: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { visitor } = c.var;
  if (visitor.kind === "browser" && audienceOf(c.env, new URL(c.req.url)) !== "console") {
    throw new BerthError("not_found", "this is not served on the host of the applications");
  }
  return next();
};

/** @throws BerthError `insufficient_scope` for a token that is not good for this */
export function requireScope(c: Ctx, scope: Scope): void {
  if (!c.var.admitted.scopes.includes(scope))
    throw new BerthError("insufficient_scope", `this token may not do that: it needs the scope "${scope}"`);
}

/** Lets those with a role in; to others the route is not there. */
export const requireRole =
  (role: Role): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    if (
      c.var.admitted.role !== role ||
      !c.var.admitted.scopes.includes(role === "operator" ? "operator" : "read")
    )
      throw new BerthError("not_found", `nothing is at ${c.req.path}`);
    return next();
  };

const SAFE = new Set(["GET", "HEAD"]);

/** What only looks needs the scope `read`, everything else `launch`. */
export const scopeByMethod: MiddlewareHandler<AppEnv> = async (c, next) => {
  requireScope(c, SAFE.has(c.req.method) ? "read" : "launch");
  return next();
};
