import type { Context } from "hono";
import type { HtmlEscapedString } from "hono/utils/html";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { LOCAL_USER } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { cookieAttributes, cookieName, cookieValues } from "../auth/cookie.ts";
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

const SEEN = "berth_seen";
const YEAR_S = 31_536_000;

const isSecure = (c: Console): boolean => new URL(c.req.url).protocol === "https:";

/** The newest notification that this browser has seen behind the bell; 0 for none. */
export function seenBy(c: Console): number {
  const [value] = cookieValues(c.req.header("cookie") ?? null, cookieName(SEEN, isSecure(c)));
  const seen = Number(value ?? 0);
  return Number.isSafeInteger(seen) ? seen : 0;
}

/** Notes the newest one that was shown. No page of another host plants a later one, which would keep the bell silent. */
export function keepSeen(c: Console, newest: number): void {
  const secure = isSecure(c);
  const cookie = `${cookieName(SEEN, secure)}=${newest}; ${cookieAttributes(secure, YEAR_S)}`;
  c.header("set-cookie", cookie, { append: true });
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
