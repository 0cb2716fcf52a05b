import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { BerthError } from "../../contract/problem.ts";
import type { Session } from "../../contract/session.ts";
import { Share, SharedWithMe, ShareRequest } from "../../contract/share.ts";
import type { AppEnv } from "../env.ts";
import type { Result } from "../workspace/api.ts";
import { partOf } from "../workspace/parts.ts";
import type { KeptShare } from "../workspace/shares.ts";
import { guestLink } from "./guest-link.ts";
import { rejectInvalid } from "./invalid.ts";
import { sharedWithMe } from "./shared-with-me.ts";
import { common, json, problem, security } from "./responses.ts";

const ShareSchema = Share.openapi("Share");

const id = z.string().openapi({ example: "s4k2m9x0v7qrt" });

const createShare = createRoute({
  method: "post",
  path: "/sessions/{id}/shares",
  summary: "Share a session with a user or a group, until a time",
  security,
  request: {
    params: z.object({ id }),
    body: {
      required: true,
      content: { "application/json": { schema: ShareRequest.openapi("ShareRequest") } },
    },
  },
  responses: {
    201: json(ShareSchema, "Shared; the link is for the guests"),
    400: problem("A field is missing or not valid, or the session has ended"),
    404: problem("No such session"),
    413: problem("The request is too large"),
    ...common,
    403: problem("Sharing is not offered here, or a browser's page of another origin asked"),
  },
});

const listShares = createRoute({
  method: "get",
  path: "/sessions/{id}/shares",
  summary: "With whom a session is shared, oldest first",
  security,
  request: { params: z.object({ id }) },
  responses: {
    200: json(z.array(ShareSchema), "The shares that have not ended"),
    404: problem("No such session"),
    ...common,
  },
});

const endShare = createRoute({
  method: "delete",
  path: "/sessions/{id}/shares/{share}",
  summary: "End a share: its guests' requests and sockets end with it",
  security,
  request: { params: z.object({ id, share: z.string().openapi({ example: "h4k2m9x0v7qrt" }) }) },
  responses: {
    204: { description: "Ended" },
    404: problem("No such session or share"),
    ...common,
  },
});

const listShared = createRoute({
  method: "get",
  path: "/shared",
  summary: "What others share with the caller, or with a group of theirs, the last shared first",
  security,
  responses: {
    200: json(SharedWithMe.openapi("SharedWithMe"), "Their sessions that have not ended"),
    ...common,
  },
});

type Ctx = Context<AppEnv>;

function valueOf<Value>(result: Result<Value>): Value {
  if (!result.ok) throw BerthError.from(result.problem);
  return result.value;
}

/** A share as its owner sees it. */
function shareView({ created, ends, ...kept }: KeptShare, url: string): Share {
  return {
    ...kept,
    createdAt: new Date(created).toISOString(),
    endsAt: new Date(ends).toISOString(),
    url,
  };
}

/** One's own session, with the link for its guests. */
export async function shared(c: Ctx, session: string): Promise<{ session: Session; url: string }> {
  const found = valueOf(await c.var.workspace.session(session, c.var.sessionsHost));
  return { session: found, url: guestLink(c, found) };
}

/** The shares of a session, as its owner sees them. */
export async function sharesOf(c: Ctx, session: string, url: string): Promise<Share[]> {
  const kept = valueOf(await ownShares(c).list(session));
  return kept.map((share) => shareView(share, url));
}

const ownShares = (c: Ctx) => partOf(c.env, c.var.visitor.user, "shares");

/** The API of sharing, mounted at `/api`. */
export function sharesApi(): OpenAPIHono<AppEnv> {
  const api = new OpenAPIHono<AppEnv>({ defaultHook: rejectInvalid });
  api.openapi(createShare, async (c) => {
    const { url, session } = await shared(c, c.req.valid("param").id);
    const kept = valueOf(await ownShares(c).create(session.id, c.req.valid("json"), c.var.caller));
    return c.json(shareView(kept, url), 201);
  });
  api.openapi(listShares, async (c) => {
    const { url, session } = await shared(c, c.req.valid("param").id);
    return c.json(await sharesOf(c, session.id, url), 200);
  });
  api.openapi(endShare, async (c) => {
    const { id: session, share } = c.req.valid("param");
    valueOf(await ownShares(c).end(session, share, c.var.caller));
    return c.body(null, 204);
  });
  api.openapi(listShared, async (c) => c.json(await sharedWithMe(c), 200));
  return api;
}
