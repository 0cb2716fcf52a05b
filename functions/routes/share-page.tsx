import { Hono } from "hono";
import { BerthError, invalid, type Problem } from "../../contract/problem.ts";
import { ShareRequest } from "../../contract/share.ts";
import type { AppEnv } from "../env.ts";
import { sharingRefusal } from "../sharing.ts";
import { problemPage } from "../views/problem-page.tsx";
import type { FilledShare } from "../views/share-form.tsx";
import { SharePage } from "../views/share-page.tsx";
import { SharedList, SharedPage } from "../views/shared-list.tsx";
import { partOf } from "../workspace/parts.ts";
import { type Console, formOf, frameFor, page } from "./page.ts";
import { sharedWithMe } from "./shared-with-me.ts";
import { shared, sharesOf } from "./shares.ts";

const HOUR_MS = 3_600_000;

const idOf = (c: Console): string => c.req.param("id") ?? "";

const textIn = (form: FormData, name: string): string => {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
};

async function sharePage(c: Console, filled?: FilledShare): Promise<Response> {
  const [frame, { session, url }] = await Promise.all([frameFor(c, "sessions"), shared(c, idOf(c))]);
  const shares = await sharesOf(c, session.id, url);
  const refusal = sharingRefusal(c.env);
  const view = <SharePage {...{ frame, session, shares, url, refusal, filled, now: Date.now() }} />;
  return page(c, view, filled?.problem.status ?? 200);
}

/** An address has an `@`; the subject by which a provider knows somebody seldom has one, and the API takes any. */
const withWhom = (kind: string, who: string): unknown => {
  if (kind === "group") return { kind, name: who };
  return who.includes("@") ? { kind: "user", email: who } : { kind: "user", subject: who };
};

async function share(c: Console): Promise<Response> {
  const form = await formOf(c);
  const [kind, who] = [textIn(form, "kind"), textIn(form, "who")];
  const [mode, hours] = [textIn(form, "mode"), textIn(form, "hours")];
  const refuse = (problem: Problem): Promise<Response> => sharePage(c, { kind, who, mode, hours, problem });
  const time = Date.now() + Number(hours) * HOUR_MS;
  const asked = ShareRequest.safeParse({
    with: withWhom(kind, who),
    mode,
    endsAt: Number.isFinite(time) && time < 8.64e15 ? new Date(time).toISOString() : hours,
  });
  if (!asked.success) return refuse(invalid("invalid_request", asked.error).problem);
  const made = await partOf(c.env, c.var.visitor.user, "shares").create(idOf(c), asked.data, c.var.caller);
  return made.ok ? c.redirect(`/sessions/${idOf(c)}/share`, 303) : refuse(made.problem);
}

async function endShare(c: Console): Promise<Response> {
  const { visitor, caller } = c.var;
  const ended = await partOf(c.env, visitor.user, "shares").end(idOf(c), c.req.param("share") ?? "", caller);
  if (ended.ok) return c.redirect(`/sessions/${idOf(c)}/share`, 303);
  const { problem } = new BerthError("not_found", "this share is not there any more");
  return page(c, problemPage(problem), problem.status);
}

async function sharedPage(c: Console): Promise<Response> {
  const [frame, list] = await Promise.all([frameFor(c, "sessions"), sharedWithMe(c)]);
  return page(c, <SharedPage frame={frame} shared={list} now={Date.now()} />);
}

const sharedFragment = async (c: Console): Promise<Response> =>
  c.html(<SharedList shared={await sharedWithMe(c)} now={Date.now()} />);

/** The page on which a session is shared, its forms, and the list of what others share. Mounted at `/`, behind the login. */
export function sharePages(): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/shared", sharedPage);
  routes.get("/fragments/shared", sharedFragment);
  routes.get("/sessions/:id/share", (c) => sharePage(c));
  routes.post("/sessions/:id/share", share);
  routes.post("/sessions/:id/share/:share/end", endShare);
  return routes;
}
