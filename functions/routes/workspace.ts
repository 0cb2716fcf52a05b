import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { AgentStatus, LoginLink } from "../../contract/agent-status.ts";
import { BerthError } from "../../contract/problem.ts";
import { CODE_LIFETIME } from "../auth/code.ts";
import { LOCAL_TOKEN } from "../auth/visitor.ts";
import { configOf } from "../config.ts";
import type { AppEnv } from "../env.ts";
import { partOf } from "../workspace/parts.ts";
import { common, json, problem, security } from "./responses.ts";

const getAgent = createRoute({
  method: "get",
  path: "/agent",
  summary: "Whether the workspace's agent is connected, and where it runs",
  security,
  responses: { 200: json(AgentStatus.openapi("Agent"), "The agent"), ...common },
});

const createLoginLink = createRoute({
  method: "post",
  path: "/login-links",
  summary: "Of a local instance: a link that logs one browser in to the console, once, within ten minutes",
  security,
  responses: {
    201: json(LoginLink.openapi("LoginLink"), "The link"),
    404: problem("People log in to this edge by name"),
    ...common,
  },
});

/** The workspace itself, mounted at `/api`. */
export function workspaceApi(): OpenAPIHono<AppEnv> {
  const api = new OpenAPIHono<AppEnv>();
  api.openapi(getAgent, async (c) => c.json(await c.var.workspace.agent(), 200));
  api.openapi(createLoginLink, async (c) => {
    if (configOf(c.env).login.kind !== "link")
      throw new BerthError("not_found", "this edge has no login links: log in on its page");
    const { visitor } = c.var;
    if (visitor.kind === "program" && visitor.token !== LOCAL_TOKEN)
      throw new BerthError("forbidden", "a token with scopes logs no browser in: the instance's own does");
    const code = await partOf(c.env, visitor.user, "access").issueCode(
      { purpose: "login" },
      CODE_LIFETIME.login,
    );
    return c.json({ url: `${new URL(c.req.url).protocol}//${c.var.consoleHost}/login?code=${code}` }, 201);
  });
  return api;
}
