import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { BerthError } from "../../contract/problem.ts";
import { ResourceView } from "../../contract/resource.ts";
import type { AppEnv } from "../env.ts";
import { rejectInvalid } from "./invalid.ts";
import { common, json, problem, security } from "./responses.ts";

const ResourceSchema = ResourceView.openapi("Resource");

const listResources = createRoute({
  method: "get",
  path: "/resources",
  summary: "The clusters that the workspace can reach. Walltimes in seconds, memory in MiB",
  security,
  responses: { 200: json(z.array(ResourceSchema), "The clusters"), ...common },
});

const getResource = createRoute({
  method: "get",
  path: "/resources/{name}",
  summary: "One cluster",
  security,
  request: { params: z.object({ name: z.string() }) },
  responses: { 200: json(ResourceSchema, "The cluster"), 404: problem("No such cluster"), ...common },
});

/** The clusters, mounted at `/api`. */
export function resourcesApi(): OpenAPIHono<AppEnv> {
  const api = new OpenAPIHono<AppEnv>({ defaultHook: rejectInvalid });
  api.openapi(listResources, async (c) => c.json(await c.var.workspace.resources(), 200));
  api.openapi(getResource, async (c) => {
    const { name } = c.req.valid("param");
    const resource = (await c.var.workspace.resources()).find((each) => each.name === name);
    if (resource === undefined)
      throw new BerthError("unknown_resource", `there is no cluster "${name}"`, { field: "name" });
    return c.json(resource, 200);
  });
  return api;
}
