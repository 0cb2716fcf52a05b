import type { MiddlewareHandler } from "hono";
import { BerthError } from "../../contract/problem.ts";
import type { AppEnv } from "../env.ts";
import { audienceOf, principalOf } from "./principal.ts";
import { isBearer } from "./token.ts";

/** Lets people and their programs in, and nobody else. */
export const requireLogin: MiddlewareHandler<AppEnv> = async (c, next) => {
  c.set("principal", await principalOf(c.req.raw, new URL(c.req.url), c.env));
  return next();
};

/** Lets nothing but the agent in: no browser, no API token. */
export const requireAgent: MiddlewareHandler<AppEnv> = async (c, next) => {
  const token = c.env.BERTH_AGENT_TOKEN;
  if (!token) throw new BerthError("not_configured", "this edge has no agent token yet");
  if (!isBearer(c.req.raw.headers.get("authorization"), token))
    throw new BerthError("unauthorized", "this is the agent's own road");
  return next();
};

/** The console and its API are not served on the applications' host, not even to a cookie from there. */
export const consoleOnly: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.var.principal.kind === "cookie" && audienceOf(c.env, new URL(c.req.url)) !== "console") {
    throw new BerthError("not_found", "this is not served on the host of the applications");
  }
  return next();
};
