import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { BerthError } from "../../contract/problem.ts";
import { CatalogueEntry } from "../../contract/service.ts";
import { LaunchRequest, Notification, Session } from "../../contract/session.ts";
import type { AppEnv } from "../env.ts";
import type { Result } from "../workspace/api.ts";
import { rejectInvalid } from "./invalid.ts";
import { common, json, problem, security, stream } from "./responses.ts";

const SessionSchema = Session.openapi("Session");
const ServiceSchema = CatalogueEntry.openapi("Service");
const NotificationSchema = Notification.openapi("Notification");

const id = z.object({ id: z.string().openapi({ example: "s4k2m9x0v7qrt" }) });

const listServices = createRoute({
  method: "get",
  path: "/services",
  summary: "The catalogue, with each form's inputs and whether what it needs is installed",
  security,
  responses: { 200: json(z.array(ServiceSchema), "The services of the workspace"), ...common },
});

const getService = createRoute({
  method: "get",
  path: "/services/{name}",
  summary: "One service",
  security,
  request: { params: z.object({ name: z.string() }) },
  responses: { 200: json(ServiceSchema, "The service"), 404: problem("No such service"), ...common },
});

const launch = createRoute({
  method: "post",
  path: "/sessions",
  summary: "Launch a session",
  security,
  request: {
    headers: z.object({ "idempotency-key": z.string().min(1).max(255).optional() }),
    body: { required: true, content: { "application/json": { schema: LaunchRequest.openapi("Launch") } } },
  },
  responses: {
    200: json(SessionSchema, "An earlier launch with this Idempotency-Key made this session"),
    201: { ...json(SessionSchema, "Launched"), headers: z.object({ location: z.string() }) },
    400: problem("A field is missing or not valid; nothing was started"),
    404: problem("Unknown service or resource; nothing was started"),
    409: problem("The Idempotency-Key was used for another launch"),
    413: problem("The launch is too large; nothing was started"),
    429: problem(
      "Too many launches, for which Retry-After says when to come back, or too many live sessions",
    ),
    ...common,
  },
});

const listSessions = createRoute({
  method: "get",
  path: "/sessions",
  summary: "The sessions, newest first",
  security,
  responses: { 200: json(z.array(SessionSchema), "The sessions"), ...common },
});

const getSession = createRoute({
  method: "get",
  path: "/sessions/{id}",
  summary: "One session",
  security,
  request: { params: id },
  responses: { 200: json(SessionSchema, "The session"), 404: problem("No such session"), ...common },
});

const cancel = createRoute({
  method: "post",
  path: "/sessions/{id}/cancel",
  summary: "Cancel a session; repeatable",
  security,
  request: { params: id },
  responses: {
    202: json(SessionSchema, "The cancel is noted and will happen"),
    404: problem("No such session"),
    ...common,
  },
});

const logs = createRoute({
  method: "get",
  path: "/sessions/{id}/logs",
  summary: "The session's log, as text, or as server-sent events when text/event-stream is accepted",
  security,
  request: { params: id, query: z.object({ follow: z.enum(["0", "1"]).optional() }) },
  responses: {
    200: {
      description: "The log",
      content: { "text/plain": { schema: z.string() }, "text/event-stream": { schema: z.string() } },
    },
    404: problem("No such session"),
    ...common,
  },
});

const events = createRoute({
  method: "get",
  path: "/events",
  summary: "Changes as they happen: events named session, notification, agent and resources",
  security,
  responses: {
    200: stream("The events"),
    429: problem("Too many streams of this user's are open; Retry-After says when to come back"),
    ...common,
  },
});

const listNotifications = createRoute({
  method: "get",
  path: "/notifications",
  summary: "What is behind the bell, newest first",
  security,
  responses: { 200: json(z.array(NotificationSchema), "The notifications"), ...common },
});

function valueOf<Value>(result: Result<Value>): Value {
  if (!result.ok) throw BerthError.from(result.problem);
  return result.value;
}

/** The API of design 3.2, mounted at `/api`. Its OpenAPI document is made from these very schemas. */
export function sessionsApi(): OpenAPIHono<AppEnv> {
  const api = new OpenAPIHono<AppEnv>({ defaultHook: rejectInvalid });

  api.openapi(listServices, async (c) => c.json(await c.var.workspace.services(), 200));
  api.openapi(getService, async (c) => {
    const { name } = c.req.valid("param");
    const entry = (await c.var.workspace.services()).find((service) => service.name === name);
    if (entry === undefined)
      throw new BerthError("unknown_service", `there is no service "${name}"`, { field: "name" });
    return c.json(entry, 200);
  });
  api.openapi(launch, async (c) => {
    const key = c.req.valid("header")["idempotency-key"] ?? null;
    const { session, created } = valueOf(
      await c.var.workspace.launch(c.req.valid("json"), {
        key,
        host: c.var.sessionsHost,
        caller: c.var.caller,
      }),
    );
    c.header("location", `/api/sessions/${session.id}`);
    return created ? c.json(session, 201) : c.json(session, 200);
  });
  api.openapi(listSessions, async (c) => c.json(await c.var.workspace.sessions(c.var.sessionsHost), 200));
  api.openapi(getSession, async (c) => {
    return c.json(valueOf(await c.var.workspace.session(c.req.valid("param").id, c.var.sessionsHost)), 200);
  });
  api.openapi(cancel, async (c) => {
    const { sessionsHost: host, caller } = c.var;
    return c.json(valueOf(await c.var.workspace.cancel(c.req.valid("param").id, { host, caller })), 202);
  });
  api.openapi(listNotifications, async (c) => c.json(await c.var.workspace.notifications(), 200));
  // The object answers these two itself: they are streams.
  api.openapi(logs, (c) => c.var.forward(c.req.raw));
  api.openapi(events, (c) => c.var.forward(c.req.raw));
  return api;
}
