import type { Session } from "../../contract/session.ts";
import { hostOfSession } from "../hosts.ts";
import type { Console } from "./page.ts";

/** Where the guests of a session go. It names the session by its id: the port may change. */
export function guestLink(c: Console, session: Pick<Session, "id" | "slug">): string {
  const host = hostOfSession(c.env, c.var.sessionsHost, session.id);
  return `${new URL(c.req.url).protocol}//${host}/s/${session.id}/${session.slug}`;
}
