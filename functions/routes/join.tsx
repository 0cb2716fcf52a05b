import { Hono } from "hono";
import { readUserCode } from "../../contract/enrolment.ts";
import { BerthError } from "../../contract/problem.ts";
import type { AppEnv } from "../env.ts";
import type { Asking } from "../registry/enrolments.ts";
import { registryPart } from "../registry/parts.ts";
import { isSaid, JoinAskPage, JoinCodePage, JoinDonePage } from "../views/join-page.tsx";
import { partOf } from "../workspace/parts.ts";
import { requireBrowser } from "./account.ts";
import { type Console, formOf, frameFor, page } from "./page.ts";

/** @throws BerthError `too_many_requests` after so many wrong codes that it looks like guessing */
async function askingBy(c: Console, typed: string): Promise<Asking | null> {
  const code = readUserCode(typed);
  if (code === undefined) return null;
  const { user, from } = c.var.caller;
  const found = await registryPart(c.env, "enrolments").find(code, { user, from });
  if (!found.ok) throw BerthError.from(found.problem);
  return found.value;
}

async function codePage(c: Console, typed: string, wrong: string | null): Promise<Response> {
  const consoleUrl = `${new URL(c.req.url).protocol}//${c.var.consoleHost}`;
  const frame = await frameFor(c, null);
  return page(c, <JoinCodePage {...{ frame, consoleUrl, typed, wrong }} />, wrong === null ? 200 : 404);
}

const NOBODY =
  "Nobody asks by this code. It is mistyped, used already, or older than ten minutes: then run berth join again.";
const DECIDED = "This code was used already. To connect another machine, run berth join there.";

/** The question, or why there is none. */
async function askPage(c: Console, typed: string): Promise<Response> {
  const asking = await askingBy(c, typed);
  if (asking === null) return codePage(c, typed, NOBODY);
  if (asking.decided) return codePage(c, "", DECIDED);
  const [frame, agents] = await Promise.all([
    frameFor(c, null),
    partOf(c.env, c.var.visitor.user, "agents").list(),
  ]);
  return page(c, <JoinAskPage {...{ frame, asking, other: agents[0] ?? null, now: Date.now() }} />);
}

async function join(c: Console): Promise<Response> {
  requireBrowser(c);
  const said = c.req.query("said") ?? "";
  if (isSaid(said)) return page(c, <JoinDonePage {...{ frame: await frameFor(c, null), said }} />);
  const typed = c.req.query("code")?.slice(0, 64) ?? "";
  return typed.trim() === "" ? codePage(c, "", null) : askPage(c, typed);
}

async function decide(c: Console): Promise<Response> {
  requireBrowser(c);
  const form = await formOf(c);
  const field = (name: string): string => {
    const value = form.get(name);
    return typeof value === "string" ? value : "";
  };
  const typed = field("code").slice(0, 64);
  const asking = await askingBy(c, typed);
  if (asking === null) return codePage(c, typed, NOBODY);
  const { user } = c.var.visitor;
  const replaces = field("replaces") === "" ? null : field("replaces");
  const isApproved = field("decision") === "approve";
  const agents = isApproved ? await partOf(c.env, user, "agents").list() : [];
  // Another agent has come since the page was shown: the question is another now.
  if (agents.some(({ id }) => id !== replaces)) return askPage(c, typed);
  const grant = isApproved ? { user, replaces, caller: c.var.caller } : null;
  const isDecided = await registryPart(c.env, "enrolments").decide(asking.userCode, grant);
  if (!isDecided) return codePage(c, "", DECIDED);
  return c.redirect(`/join?said=${isApproved ? "approved" : "denied"}`, 303);
}

/** Where a person lets an agent in. Mounted at `/`, behind the login. */
export function joinRoutes(): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.get("/join", join);
  routes.post("/join", decide);
  return routes;
}
