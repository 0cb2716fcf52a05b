import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { AppEnv } from "../env.ts";
import { common, json, problem, security } from "./responses.ts";

const application = (scheme: "me" | "sme", what: string) => ({
  method: "get" as const,
  path: `/${scheme}/{port}/{path}`,
  summary: `A session's application, which speaks ${what}: any method, WebSocket upgrades included`,
  security,
  request: {
    params: z.object({ port: z.string().openapi({ example: "51458" }), path: z.string() }),
  },
  responses: {
    default: { description: "What the application answers" },
    404: problem("No live session has this port"),
    502: problem("The application did not answer"),
    504: problem("The application took too long to accept the request"),
    ...common,
  },
});

/** Serves the OpenAPI document: of the routes that are described where they are, and of the few that are not. */
export function serveOpenApi(berth: OpenAPIHono<AppEnv>): void {
  const registry = berth.openAPIRegistry;
  registry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });
  registry.registerPath(application("me", "HTTP"));
  registry.registerPath(application("sme", "HTTPS"));
  registry.registerPath({
    method: "get",
    path: "/healthz",
    summary: "Whether the edge lives",
    responses: { 200: json(z.object({ status: z.literal("ok") }), "It does") },
  });
  registry.registerPath({
    method: "get",
    path: "/openapi.json",
    summary: "This document",
    security,
    responses: { 200: json(z.object({ openapi: z.string() }), "OpenAPI 3.1"), ...common },
  });
  berth.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: {
      title: "Berth",
      version: "1",
      description: "Interactive applications on HPC clusters, in the browser.",
    },
  });
}
