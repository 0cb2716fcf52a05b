import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { AgentStatus, LoginLink } from "../../contract/agent-status.ts";
import { issueCode } from "../auth/code.ts";
import type { AppEnv } from "../env.ts";
import { common, json, security } from "./responses.ts";

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
  summary: "A link that logs one browser in to the console, once, within ten minutes",
  security,
  responses: { 201: json(LoginLink.openapi("LoginLink"), "The link"), ...common },
});

/** The workspace itself, mounted at `/api`. */
export function workspaceApi(): OpenAPIHono<AppEnv> {
  const api = new OpenAPIHono<AppEnv>();
  api.openapi(getAgent, async (c) => c.json(await c.var.workspace.agent(), 200));
  api.openapi(createLoginLink, async (c) => {
    const code = await issueCode(c.env.WORKSPACE.getByName("local"), "login");
    return c.json({ url: `${new URL(c.req.url).protocol}//${c.var.consoleHost}/login?code=${code}` }, 201);
  });
  return api;
}
