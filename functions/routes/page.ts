import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import type { HtmlEscapedString } from "hono/utils/html";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { LOCAL_USER } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import type { AppEnv } from "../env.ts";
import type { Frame, Place } from "../views/layout.tsx";

/* What the routes of the console's pages share. */

export type Console = Context<AppEnv>;
export type View = HtmlEscapedString | Promise<HtmlEscapedString>;

/** A whole page. */
export async function page(c: Console, view: View, status = 200): Promise<Response> {
  const html = await view;
  return c.html(`<!doctype html>${html.toString()}`, status as ContentfulStatusCode);
}

/** @throws BerthError `invalid_request` for a body that is no form */
export async function formOf(c: Console): Promise<FormData> {
  try {
    return await c.req.formData();
  } catch (cause) {
    throw new BerthError("invalid_request", "the body is not a form", { cause });
  }
}

/** Holds the newest notification that this browser has seen behind the bell. */
export const SEEN_COOKIE = "berth_seen";

export function seenBy(c: Console): number {
  const seen = Number(getCookie(c, SEEN_COOKIE));
  return Number.isSafeInteger(seen) ? seen : 0;
}

/** Who is logged in; null on one's own machine. */
export const nameOf = ({ var: { visitor, admitted } }: Console): string | null =>
  visitor.user === LOCAL_USER ? null : admitted.name;

/** Whether the pages for operators are there for whoever asks. */
export const isOperator = ({ var: { admitted } }: Console): boolean =>
  admitted.role === "operator" && admitted.scopes.includes("operator");

/** What stands around a page's content. */
export async function frameFor(c: Console, place: Place | null): Promise<Frame> {
  const { workspace } = c.var;
  const [agent, notifications] = await Promise.all([workspace.agent(), workspace.notifications()]);
  const seen = seenBy(c);
  const unread = notifications.filter((notification) => notification.id > seen).length;
  return { place, agent, unread, name: nameOf(c), operator: isOperator(c) };
}
