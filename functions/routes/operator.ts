import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { AuditLine, Reason, DeadWebhook, EndedSession, OperatorSession } from "../../contract/operator.ts";
import { UserId } from "../../contract/person.ts";
import { SessionState } from "../../contract/session.ts";
import { requireRole } from "../auth/guard.ts";
import type { AppEnv } from "../env.ts";
import { registryPart } from "../registry/parts.ts";
import { METRICS_TYPE, prometheusText } from "../registry/prometheus.ts";
import { auditLines } from "./audit-export.ts";
import { rejectInvalid } from "./invalid.ts";
import { operatorPages } from "./operator-pages.tsx";
import { cancelForUser, deadWebhooks, treatDeadWebhook } from "./operator-actions.ts";
import { hidden, limit, pageOf, search } from "./operator-lists.ts";
import { operatorUsersApi } from "./operator-users.ts";
import { json, problem, security } from "./responses.ts";

/** One JSON value on each line. */
const LINES: string = "application/x-ndjson";

const bySession = z.object({
  state: SessionState.optional(),
  user: UserId.optional(),
  q: search,
  after: z.coerce.number().int().optional(),
  limit,
});

const listSessions = createRoute({
  method: "get",
  path: "/sessions",
  summary: "Operators: the sessions of everybody that have not ended",
  security,
  request: { query: bySession },
  responses: {
    200: json(
      pageOf("OperatorSessions", OperatorSession.openapi("OperatorSession"), z.int()),
      "Sessions, newest first",
    ),
    ...hidden,
  },
});

const listEnded = createRoute({
  method: "get",
  path: "/sessions/ended",
  summary: "Operators: the sessions of everybody that ended last",
  security,
  request: { query: bySession },
  responses: {
    200: json(
      pageOf("EndedSessions", EndedSession.openapi("EndedSession"), z.int()),
      "Sessions, the last that ended first",
    ),
    ...hidden,
  },
});

const cancelSession = createRoute({
  method: "post",
  path: "/sessions/{user}/{id}/cancel",
  summary: "Operators: cancel anybody's session; its owner sees who did and why",
  security,
  request: {
    params: z.object({ user: UserId, id: z.string().max(64) }),
    body: { required: true, content: { "application/json": { schema: z.object({ reason: Reason }) } } },
  },
  responses: {
    202: json(
      z.object({ user: UserId, id: z.string(), state: SessionState, canceling: z.boolean() }),
      "The cancel is noted and will happen",
    ),
    400: problem("There is no reason"),
    ...hidden,
  },
});

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .optional();

const readAudit = createRoute({
  method: "get",
  path: "/audit",
  summary:
    "Operators: the audit log as JSON lines, oldest first; `after` continues behind the `id` of a line",
  security,
  request: {
    query: z.object({
      after: z.coerce.number().int().nonnegative().optional(),
      user: UserId.optional(),
      action: z.string().max(64).optional(),
      session: z.string().max(64).optional(),
      from: time,
      to: time,
    }),
  },
  responses: {
    200: {
      description: "One line of JSON for each entry",
      content: { [LINES]: { schema: AuditLine.openapi("AuditLine") } },
    },
    ...hidden,
  },
});

const listDead = createRoute({
  method: "get",
  path: "/webhooks/dead",
  summary: "Operators: webhooks that could not be delivered",
  security,
  request: { query: z.object({ after: z.string().max(64).optional() }) },
  responses: {
    200: json(
      pageOf("DeadWebhooks", DeadWebhook.openapi("DeadWebhook"), z.string()).extend({
        unanswered: z.array(UserId),
      }),
      "Those of some workspaces; `next` leads to the others, `unanswered` names those that could not be asked",
    ),
    ...hidden,
  },
});

const treatDead = createRoute({
  method: "post",
  path: "/webhooks/dead/{user}/{id}/{what}",
  summary: "Operators: send a webhook again that could not be delivered, or forget it",
  security,
  request: {
    params: z.object({ user: UserId, id: z.string().max(128), what: z.enum(["redeliver", "discard"]) }),
  },
  responses: { 204: { description: "Done" }, ...hidden },
});

function operatorApi(): OpenAPIHono<AppEnv> {
  const api = new OpenAPIHono<AppEnv>({ defaultHook: rejectInvalid });

  api.openapi(listSessions, async (c) => {
    const { q, ...query } = c.req.valid("query");
    const { sessions, next } = await registryPart(c.env, "sessions").page({ ...query, search: q });
    return c.json({ items: sessions, next }, 200);
  });
  api.openapi(listEnded, async (c) => {
    const { q, ...query } = c.req.valid("query");
    const { sessions, next } = await registryPart(c.env, "endedSessions").page({ ...query, search: q });
    return c.json({ items: sessions, next }, 200);
  });
  api.openapi(cancelSession, async (c) => {
    const { user, id } = c.req.valid("param");
    const { state, canceling } = await cancelForUser(c, { user, id, reason: c.req.valid("json").reason });
    return c.json({ user, id, state, canceling }, 202);
  });
  api.openapi(readAudit, (c) => {
    const { after, ...query } = c.req.valid("query");
    return new Response(auditLines(c.env, query, after), {
      headers: { "content-type": `${LINES}; charset=utf-8` },
    });
  });
  api.openapi(listDead, async (c) => c.json(await deadWebhooks(c.env, c.req.valid("query").after), 200));
  api.openapi(treatDead, async (c) => {
    const { user, id, what } = c.req.valid("param");
    await treatDeadWebhook(c, { user, id, what });
    return c.body(null, 204);
  });
  return api;
}

const readMetrics = createRoute({
  method: "get",
  path: "/metrics",
  summary: "Operators: metrics for Prometheus",
  security,
  responses: {
    200: { description: "Metrics", content: { "text/plain": { schema: z.string() } } },
    ...hidden,
  },
});

/** Everything that is for operators alone, mounted at `/`: to others none of it is there. */
export function operatorRoutes(): OpenAPIHono<AppEnv> {
  const routes = new OpenAPIHono<AppEnv>();
  for (const path of ["/api/operator/*", "/operator/*", "/metrics"])
    routes.use(path, requireRole("operator"));
  routes.route("/api/operator", operatorUsersApi());
  routes.route("/api/operator", operatorApi());
  routes.route("/operator", operatorPages());
  routes.openapi(readMetrics, async (c) => {
    const families = await registryPart(c.env, "metrics").families();
    return c.text(prometheusText(families), 200, { "content-type": METRICS_TYPE });
  });
  return routes;
}
