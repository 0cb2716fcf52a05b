import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { EnrolledAgent } from "../../contract/enrolment.ts";
import { BerthError } from "../../contract/problem.ts";
import { LOCAL_TOKEN } from "../auth/visitor.ts";
import type { AppEnv } from "../env.ts";
import { partOf } from "../workspace/parts.ts";
import { requireBrowser } from "./account.ts";
import { rejectInvalid } from "./invalid.ts";
import { common, json, problem, security } from "./responses.ts";

const listAgents = createRoute({
  method: "get",
  path: "/agents",
  summary: "The agent that is enrolled in the workspace, if there is one; never its token",
  security,
  responses: {
    200: json(z.array(EnrolledAgent.openapi("EnrolledAgent")), "The enrolled agents"),
    ...common,
  },
});

const revokeAgent = createRoute({
  method: "delete",
  path: "/agents/{id}",
  summary:
    "Revoke an agent: its token counts no more, and its link is closed. For a browser: a token cuts nobody off",
  security,
  request: { params: z.object({ id: z.string().openapi({ example: "aV1b2C3d4E5f6G7h8I9j0K" }) }) },
  responses: { 204: { description: "It is revoked" }, 404: problem("No such agent"), ...common },
});

/** The enrolled agents, mounted at `/api`. */
export function agentsApi(): OpenAPIHono<AppEnv> {
  const api = new OpenAPIHono<AppEnv>({ defaultHook: rejectInvalid });
  api.openapi(listAgents, async (c) => c.json(await partOf(c.env, c.var.visitor.user, "agents").list(), 200));
  api.openapi(revokeAgent, async (c) => {
    const { visitor } = c.var;
    if (visitor.kind !== "program" || visitor.token !== LOCAL_TOKEN) requireBrowser(c);
    const { id } = c.req.valid("param");
    if (!(await partOf(c.env, visitor.user, "agents").revoke(id, c.var.caller)))
      throw new BerthError("not_found", `there is no agent "${id}"`, { field: "id" });
    return c.body(null, 204);
  });
  return api;
}
