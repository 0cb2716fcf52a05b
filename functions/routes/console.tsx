import { Hono } from "hono";
import { BerthError, type Problem } from "../../contract/problem.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import type { Session } from "../../contract/session.ts";
import type { AppEnv } from "../env.ts";
import { problemPage } from "../views/problem-page.tsx";
import { sharingRefusal } from "../sharing.ts";
import { Home } from "../views/home.tsx";
import { type Frame, type Place, Top } from "../views/layout.tsx";
import { type Filled, LaunchPage } from "../views/launch-page.tsx";
import { NotificationsPage } from "../views/notifications-page.tsx";
import { typedPlace } from "../views/place.ts";
import { ResourcesPage } from "../views/resources-page.tsx";
import { ServicesPage } from "../views/service-list.tsx";
import { SessionDetailFragment, SessionDetailPage } from "../views/session-detail.tsx";
import { SessionList } from "../views/session-list.tsx";
import { type LaunchForm, launchRequest, readLaunchForm } from "./launch-form.ts";
import {
  type Console,
  formOf,
  frameFor,
  isOperator,
  keepSeen,
  nameOf,
  page,
  seenBy,
  type View,
} from "./page.ts";

const PLACES: ReadonlySet<string> = new Set<Place>([
  "sessions",
  "services",
  "resources",
  "notifications",
  "operator",
]);

const fragment = async (c: Console, view: View): Promise<Response> => c.html(await view);

const problem = (c: Console, what: Problem): Promise<Response> => page(c, problemPage(what), what.status);

const query = (c: Console): string => c.req.query("q")?.trim().slice(0, 200) ?? "";

async function home(c: Console): Promise<Response> {
  const { workspace, sessionsHost } = c.var;
  const [frame, sessions, services, resources] = await Promise.all([
    frameFor(c, "sessions"),
    workspace.sessions(sessionsHost),
    workspace.services(),
    workspace.resources(),
  ]);
  const shares = sharingRefusal(c.env) === null;
  const props = { frame, sessions, services, resources, query: query(c), shares, now: Date.now() };
  return page(c, <Home {...props} />);
}

async function sessionList(c: Console): Promise<Response> {
  const { workspace, sessionsHost } = c.var;
  const [sessions, services] = await Promise.all([workspace.sessions(sessionsHost), workspace.services()]);
  return fragment(c, <SessionList {...{ sessions, services, query: query(c), now: Date.now() }} />);
}

async function top(c: Console): Promise<Response> {
  const asked = c.req.query("place") ?? "";
  const frame = await frameFor(c, PLACES.has(asked) ? (asked as Place) : null);
  return fragment(c, <Top {...frame} isBare={c.req.query("bare") === "1"} />);
}

async function catalogue(c: Console): Promise<Response> {
  const [frame, services, resources] = await Promise.all([
    frameFor(c, "services"),
    c.var.workspace.services(),
    c.var.workspace.resources(),
  ]);
  return page(c, <ServicesPage {...{ frame, services, resources, query: query(c) }} />);
}

async function resourcesPage(c: Console): Promise<Response> {
  const [frame, resources] = await Promise.all([frameFor(c, "resources"), c.var.workspace.resources()]);
  return page(c, <ResourcesPage {...{ frame, resources, now: Date.now() }} />);
}

async function serviceNamed(c: Console, name: string): Promise<CatalogueEntry | undefined> {
  const services = await c.var.workspace.services();
  return services.find((entry) => entry.name === name);
}

async function icon(c: Console): Promise<Response> {
  const entry = await serviceNamed(c, c.req.param("file")?.replace(/\.svg$/, "") ?? "");
  if (entry === undefined || entry.icon === null) return c.notFound();
  return c.body(entry.icon, 200, {
    "content-type": "image/svg+xml",
    "cache-control": "private, max-age=300",
    "x-content-type-options": "nosniff",
    // Looked at by itself it is a document of the console's own origin: it may draw, and nothing else.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
  });
}

const unknownService = (name: string): Problem =>
  new BerthError("unknown_service", `there is no service “${name}”`, { field: "service" }).problem;

async function launchPage(
  c: Console,
  entry: CatalogueEntry,
  filled?: Filled,
  key?: string,
): Promise<Response> {
  const [frame, resources] = await Promise.all([frameFor(c, "services"), c.var.workspace.resources()]);
  const idempotencyKey = key ?? crypto.randomUUID();
  const view = <LaunchPage {...{ frame, entry, resources, idempotencyKey, filled }} />;
  const retryAfter = filled?.problem?.retryAfter;
  if (retryAfter !== undefined) c.header("retry-after", String(retryAfter));
  return page(c, view, filled?.problem?.status);
}

async function launchForm(c: Console): Promise<Response> {
  const name = c.req.param("service") ?? "";
  const entry = await serviceNamed(c, name);
  if (entry === undefined) return problem(c, unknownService(name));
  return launchPage(c, entry, await filledAgain(c, entry, c.req.query("again")));
}

/** The form as it was for an earlier session, as far as that is known: where it ran, and the name it was given. */
async function filledAgain(
  c: Console,
  entry: CatalogueEntry,
  id: string | undefined,
): Promise<Filled | undefined> {
  const found = id === undefined ? undefined : await c.var.workspace.session(id, c.var.sessionsHost);
  if (found?.ok !== true || found.value.service !== entry.name) return undefined;
  const { name } = found.value;
  return { inputs: {}, name: name === entry.title ? "" : name, place: typedPlace(found.value) };
}

/** The form again, with what was typed. A key that made another session is spent: the form gets a new one. */
function refuse(c: Console, entry: CatalogueEntry, form: LaunchForm, why: Problem): Promise<Response> {
  const key = why.code === "idempotency_conflict" ? undefined : form.key;
  const { inputs, name, place } = form;
  return launchPage(c, entry, { inputs, name, place, problem: why }, key);
}

async function launch(c: Console): Promise<Response> {
  const name = c.req.param("service") ?? "";
  const entry = await serviceNamed(c, name);
  if (entry === undefined) return problem(c, unknownService(name));
  const form = readLaunchForm(entry.inputs, await formOf(c));
  const resources = await c.var.workspace.resources();
  try {
    const launched = await c.var.workspace.launch(launchRequest(entry, resources, form), {
      key: form.key ?? null,
      host: c.var.sessionsHost,
      caller: c.var.caller,
    });
    if (!launched.ok) return await refuse(c, entry, form, launched.problem);
    return c.redirect(`/sessions/${launched.value.session.id}${form.opens ? "?open=1" : ""}`, 303);
  } catch (error) {
    if (error instanceof BerthError) return refuse(c, entry, form, error.problem);
    throw error;
  }
}

type Shown = { session: Session; title: string; opens: boolean; now: number };

async function shownSession(c: Console): Promise<Shown | Problem> {
  const found = await c.var.workspace.session(c.req.param("id") ?? "", c.var.sessionsHost);
  if (!found.ok) return found.problem;
  const session = found.value;
  const title = (await serviceNamed(c, session.service))?.title ?? session.service;
  return { session, title, opens: c.req.query("open") === "1", now: Date.now() };
}

async function sessionPage(c: Console): Promise<Response> {
  const shown = await shownSession(c);
  if (!("session" in shown)) return problem(c, shown);
  const { opens, session: it } = shown;
  if (opens && it.state === "running" && it.url !== null) return c.redirect(it.url, 303);
  return page(c, <SessionDetailPage {...shown} frame={await frameFor(c, "sessions")} />);
}

async function sessionFragment(c: Console): Promise<Response> {
  const shown = await shownSession(c);
  return "session" in shown ? fragment(c, <SessionDetailFragment {...shown} />) : problem(c, shown);
}

async function cancel(c: Console): Promise<Response> {
  const form = await formOf(c);
  const { sessionsHost: host, caller } = c.var;
  const canceled = await c.var.workspace.cancel(c.req.param("id") ?? "", { host, caller });
  if (!canceled.ok) return problem(c, canceled.problem);
  return c.redirect(form.get("back") === "list" ? "/" : `/sessions/${canceled.value.id}`, 303);
}

async function bell(c: Console): Promise<Response> {
  const [agent, all] = await Promise.all([c.var.workspace.agent(), c.var.workspace.notifications()]);
  const seen = seenBy(c);
  const newest = all[0]?.id ?? 0;
  if (newest > seen) keepSeen(c, newest);
  const frame: Frame = { place: "notifications", agent, unread: 0, name: nameOf(c), operator: isOperator(c) };
  return page(c, <NotificationsPage {...{ frame, notifications: all, seen, now: Date.now() }} />);
}

/** The console: pages for people, and the fragments of them that change. Mounted at `/`, behind the login. */
export function consoleRoutes(): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/", home);
  routes.get("/services", catalogue);
  routes.get("/resources", resourcesPage);
  routes.get("/icons/:file", icon);
  routes.get("/launch/:service", launchForm);
  routes.post("/launch/:service", launch);
  routes.get("/sessions/:id", sessionPage);
  routes.post("/sessions/:id/cancel", cancel);
  routes.get("/notifications", bell);
  routes.get("/fragments/top", top);
  routes.get("/fragments/sessions", sessionList);
  routes.get("/fragments/sessions/:id", sessionFragment);
  return routes;
}
