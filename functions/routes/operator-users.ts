import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { LockedOut, OperatorUser, OperatorWorkspace, Reason } from "../../contract/operator.ts";
import { UserId } from "../../contract/person.ts";
import type { AppEnv } from "../env.ts";
import { registryPart } from "../registry/parts.ts";
import { rejectInvalid } from "./invalid.ts";
import { letInUser, lockOutUser } from "./operator-actions.ts";
import { hidden, limit, pageOf, search } from "./operator-lists.ts";
import { json, problem, security } from "./responses.ts";

const byUser = z.object({ q: search, after: z.string().max(64).optional(), limit });

const listUsers = createRoute({
  method: "get",
  path: "/users",
  summary: "Operators: everybody with a workspace",
  security,
  request: { query: byUser },
  responses: {
    200: json(pageOf("OperatorUsers", OperatorUser.openapi("OperatorUser"), z.string()), "Users by id"),
    ...hidden,
  },
});

const aUser = z.object({ user: UserId });

const lockOut = createRoute({
  method: "post",
  path: "/users/{user}/lock-out",
  summary: "Operators: lock a user out: end their logins, tokens and shares, and refuse them and their agent",
  security,
  request: {
    params: aUser,
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.object({
            reason: Reason,
            cancelSessions: z.boolean().default(false).openapi({ description: "Cancel their sessions too" }),
          }),
        },
      },
    },
  },
  responses: {
    200: json(
      LockedOut.extend({ logins: z.int(), tokens: z.int(), canceled: z.int() }).openapi("LockOut"),
      "They are locked out: so many logins and tokens were ended, so many sessions canceled",
    ),
    400: problem("There is no reason, or the user is who asks"),
    ...hidden,
  },
});

const letIn = createRoute({
  method: "post",
  path: "/users/{user}/let-in",
  summary: "Operators: let a user in again; their agent comes back by itself, tokens and shares do not",
  security,
  request: { params: aUser },
  responses: { 204: { description: "They are not locked out" }, ...hidden },
});

const listWorkspaces = createRoute({
  method: "get",
  path: "/workspaces",
  summary: "Operators: the workspaces, as they last told",
  security,
  request: { query: byUser },
  responses: {
    200: json(
      pageOf("OperatorWorkspaces", OperatorWorkspace.openapi("OperatorWorkspace"), z.string()),
      "Workspaces by user",
    ),
    ...hidden,
  },
});

/** Users and their workspaces, mounted at `/api/operator` behind the role. */
export function operatorUsersApi(): OpenAPIHono<AppEnv> {
  const api = new OpenAPIHono<AppEnv>({ defaultHook: rejectInvalid });
  api.openapi(listUsers, async (c) => {
    const { q, after, limit: count } = c.req.valid("query");
    const known = await registryPart(c.env, "users").list({ search: q, after, limit: count + 1 });
    const items = known.slice(0, count).map(({ user }) => user);
    return c.json({ items, next: known.length > count ? (items.at(-1)?.id ?? null) : null }, 200);
  });
  api.openapi(listWorkspaces, async (c) => {
    const { q, after, limit: count } = c.req.valid("query");
    const known = await registryPart(c.env, "users").list({ search: q, after, limit: count + 1 });
    const items = known.slice(0, count).map(({ workspace }) => workspace);
    return c.json({ items, next: known.length > count ? (items.at(-1)?.user ?? null) : null }, 200);
  });
  api.openapi(lockOut, async (c) => {
    const { reason, cancelSessions } = c.req.valid("json");
    const asked = { user: c.req.valid("param").user, reason, cancels: cancelSessions };
    const { lockedOut, ...ended } = await lockOutUser(c, asked);
    return c.json({ ...lockedOut, since: new Date(lockedOut.since).toISOString(), ...ended }, 200);
  });
  api.openapi(letIn, async (c) => {
    await letInUser(c, c.req.valid("param").user);
    return c.body(null, 204);
  });
  return api;
}
