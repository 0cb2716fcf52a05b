import { Hono } from "hono";
import { Reason } from "../../contract/operator.ts";
import { UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { SessionState } from "../../contract/session.ts";
import type { AppEnv } from "../env.ts";
import { registryPart } from "../registry/parts.ts";
import type { SessionQuery } from "../registry/session-rows.ts";
import { OperatorAudit } from "../views/operator-audit.tsx";
import { OperatorEndedSessions } from "../views/operator-ended-sessions.tsx";
import { OperatorOverview } from "../views/operator-overview.tsx";
import type { SessionFilter } from "../views/operator-session-filters.tsx";
import { OperatorSessions } from "../views/operator-sessions.tsx";
import { OperatorWebhooks } from "../views/operator-webhooks.tsx";
import { cancelForUser, deadWebhooks, letInUser, lockOutUser, treatDeadWebhook } from "./operator-actions.ts";
import { type Console, formOf, frameFor, page } from "./page.ts";

/** Users, sessions and entries on one page. */
const USERS = 100;
const SESSIONS = 50;
const ENTRIES = 100;

/** What was typed, cut to what makes sense; empty when nothing was. */
const typed = (c: Console, name: string): string => c.req.query(name)?.trim().slice(0, 200) ?? "";

const given = (text: string): string | undefined => (text === "" ? undefined : text);

/** An address with those of the values that are not empty. */
function address(path: string, values: Readonly<Record<string, string>>): string {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""));
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

/** The user whom the address names; what is no user's id is nobody's. */
function userOf(c: Console): UserId {
  const user = UserId.safeParse(c.req.param("user"));
  if (!user.success) throw new BerthError("not_found", `there is no user "${c.req.param("user") ?? ""}"`);
  return user.data;
}

/** Nobody has this id: what somebody typed who meant a user that there is not. */
const NOBODY = UserId.parse("u00000000000000000000");

const typedUser = (text: string): UserId | undefined =>
  text === "" ? undefined : (UserId.safeParse(text).data ?? NOBODY);

async function overview(c: Console): Promise<Response> {
  const query = typed(c, "q");
  const users = registryPart(c.env, "users");
  const done = typedUser(typed(c, "done"));
  const [frame, totals, known, [changed = null]] = await Promise.all([
    frameFor(c, "operator"),
    users.totals(),
    users.list({ search: query, order: "told", limit: USERS + 1 }),
    done === undefined ? [] : users.list({ search: done, limit: 1 }),
  ]);
  const shown = { users: known.slice(0, USERS), isCut: known.length > USERS };
  const props = {
    frame,
    totals,
    ...shown,
    query,
    self: c.var.caller.user,
    done: changed?.user.id === done ? changed : null,
    now: Date.now(),
  };
  return page(c, <OperatorOverview {...props} />);
}

/** @throws BerthError `invalid_request` for what is no reason */
function reasonIn(form: FormData, what: string): string {
  const reason = Reason.safeParse(form.get("reason"));
  if (reason.success) return reason.data;
  throw new BerthError("invalid_request", `${what} needs a reason of one line`, { field: "reason" });
}

async function lockOut(c: Console): Promise<Response> {
  const user = userOf(c);
  const form = await formOf(c);
  await lockOutUser(c, { user, reason: reasonIn(form, "a lock-out"), cancels: form.get("cancels") === "1" });
  return c.redirect(address("/operator", { done: user }), 303);
}

async function letIn(c: Console): Promise<Response> {
  const user = userOf(c);
  await letInUser(c, user);
  return c.redirect(address("/operator", { done: user }), 303);
}

const deadCount = async (c: Console): Promise<number> => (await registryPart(c.env, "users").totals()).dead;

/** What the pages of sessions ask for. */
const sessionQuery = (filter: SessionFilter, after: number): SessionQuery => ({
  search: filter.q,
  state: SessionState.safeParse(filter.state).data,
  user: typedUser(filter.user),
  after: Number.isSafeInteger(after) && after > 0 ? after : undefined,
  limit: SESSIONS,
});

/** Where the next page is; null on the last. */
const following = (path: string, filter: SessionFilter, next: number | null): string | null =>
  next === null ? null : address(path, { ...filter, after: String(next) });

async function sessions(c: Console): Promise<Response> {
  const filter = { q: typed(c, "q"), state: typed(c, "state"), user: typed(c, "user") };
  const after = Number(typed(c, "after"));
  const [frame, dead, found] = await Promise.all([
    frameFor(c, "operator"),
    deadCount(c),
    registryPart(c.env, "sessions").page(sessionQuery(filter, after)),
  ]);
  const next = following("/operator/sessions", filter, found.next);
  const canceled = given(typed(c, "canceled")) ?? null;
  const props = { frame, dead, sessions: found.sessions, filter, next, canceled, now: Date.now() };
  return page(c, <OperatorSessions {...props} />);
}

async function endedSessions(c: Console): Promise<Response> {
  const filter = { q: typed(c, "q"), state: typed(c, "state"), user: typed(c, "user") };
  const after = Number(typed(c, "after"));
  const [frame, dead, found] = await Promise.all([
    frameFor(c, "operator"),
    deadCount(c),
    registryPart(c.env, "endedSessions").page(sessionQuery(filter, after)),
  ]);
  const next = following("/operator/sessions/ended", filter, found.next);
  const props = { frame, dead, sessions: found.sessions, filter, next, now: Date.now() };
  return page(c, <OperatorEndedSessions {...props} />);
}

async function cancel(c: Console): Promise<Response> {
  const user = userOf(c);
  const reason = reasonIn(await formOf(c), "a cancel of somebody else's session");
  const { id } = await cancelForUser(c, { user, id: c.req.param("id") ?? "", reason });
  return c.redirect(address("/operator/sessions", { canceled: id }), 303);
}

async function webhooks(c: Console): Promise<Response> {
  const [frame, dead, found] = await Promise.all([
    frameFor(c, "operator"),
    deadCount(c),
    deadWebhooks(c.env, given(typed(c, "after"))),
  ]);
  const next = found.next === null ? null : address("/operator/webhooks", { after: found.next });
  return page(c, <OperatorWebhooks {...{ frame, dead, found, next, now: Date.now() }} />);
}

const treatWebhook =
  (what: "redeliver" | "discard") =>
  async (c: Console): Promise<Response> => {
    await treatDeadWebhook(c, { user: userOf(c), id: c.req.param("id") ?? "", what });
    return c.redirect("/operator/webhooks", 303);
  };

/** The start of a day in UTC that was typed, some days later; undefined for what is no day. */
function dayOf(text: string, days: number): number | undefined {
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(time) ? undefined : time + days * 86_400_000;
}

async function audit(c: Console): Promise<Response> {
  const filter = {
    user: typed(c, "user"),
    action: typed(c, "action"),
    session: typed(c, "session"),
    from: typed(c, "from"),
    to: typed(c, "to"),
  };
  const [from, to] = [dayOf(filter.from, 0), dayOf(filter.to, 1)];
  const before = Number(typed(c, "before"));
  const user = typedUser(filter.user);
  const query = { user, action: given(filter.action), session: given(filter.session), from, to };
  const [frame, dead, found] = await Promise.all([
    frameFor(c, "operator"),
    deadCount(c),
    registryPart(c.env, "auditLog").page(query, {
      order: "newest",
      beyond: Number.isSafeInteger(before) && before > 0 ? before : undefined,
      limit: ENTRIES + 1,
    }),
  ]);
  const lines = found.slice(0, ENTRIES);
  const last = found.length > ENTRIES ? lines.at(-1)?.id : undefined;
  const iso = (time: number | undefined): string => (time === undefined ? "" : new Date(time).toISOString());
  const exported = { ...filter, user: user ?? "", from: iso(from), to: iso(to) };
  const props = {
    frame,
    dead,
    lines,
    filter,
    exportHref: address("/api/operator/audit", exported),
    older: last === undefined ? null : address("/operator/audit", { ...filter, before: String(last) }),
  };
  return page(c, <OperatorAudit {...props} />);
}

/** The pages for operators, mounted at `/operator`. */
export function operatorPages(): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/", overview);
  routes.post("/users/:user/lock-out", lockOut);
  routes.post("/users/:user/let-in", letIn);
  routes.get("/sessions", sessions);
  routes.get("/sessions/ended", endedSessions);
  routes.post("/sessions/:user/:id/cancel", cancel);
  routes.get("/webhooks", webhooks);
  routes.post("/webhooks/:user/:id/redeliver", treatWebhook("redeliver"));
  routes.post("/webhooks/:user/:id/discard", treatWebhook("discard"));
  routes.get("/audit", audit);
  return routes;
}
