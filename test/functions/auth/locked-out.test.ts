import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect, it } from "vitest";
import { partOf } from "../../../functions/workspace/parts.ts";
import type { Browser } from "../support/browser.ts";
import { ask, CONSOLE, SESSIONS } from "../support/edge.ts";
import { Household } from "../support/household.ts";
import { person } from "../support/people.ts";
import { classOf, type Route, routes, spelled } from "../support/route-classes.ts";
import { shownText } from "../support/shown-text.ts";

const PORT = 51_458;
const REASON = "a-reason-for-nobody-else";

let ana: Household;
let browser: Browser;

beforeAll(async () => {
  ana = await Household.of("ana", PORT);
  browser = await ana.browser();
  const { id } = await person("olga", { role: "operator" });
  await partOf(env, ana.somebody.id, "lockOut").begin(
    { reason: REASON, cancels: false },
    { caller: { user: id, name: "Olga", from: null, via: "console" }, host: "" },
  );
});

afterAll(async () => {
  await ana[Symbol.asyncDispose]();
  await reset();
});

const closed = routes.filter(({ path }) => !["open", undefined].includes(classOf(path)));

async function answer(headers: Record<string, string>, { method, path }: Route): Promise<[number, string]> {
  const own = { session: ana.session.id, id: ana.session.id, port: String(PORT), user: ana.somebody.id };
  const filled = path.replaceAll(
    /\{(\w+)\}/g,
    (_whole, key: string) => new Map(Object.entries(own)).get(key) ?? "x",
  );
  const response = await ask(CONSOLE + filled, {
    method,
    headers: { accept: "application/json", origin: CONSOLE, ...headers },
  });
  return [response.status, await shownText(response)];
}

it.each(closed.map((route): [string, Route] => [spelled(route), route]))(
  "%s is closed to her browser, her program and her agent while somebody is locked out",
  async (_name, route) => {
    const [byBrowser, , byProgram, , byAgent] = (
      await Promise.all([
        answer({ cookie: browser.cookies("localhost:8787") }, route),
        answer(ana.program.headers, route),
        answer(ana.enrolment.headers, route),
      ])
    ).flat();
    // From the console's host a browser is sent to the applications', which asks: see below.
    const isSentOn = /^\/s?me\//.test(route.path);
    const isAgents = classOf(route.path) === "agent";
    expect([byBrowser, byProgram, byAgent]).toEqual([
      isSentOn ? 302 : 401,
      isAgents ? 401 : 403,
      isAgents ? 403 : 401,
    ]);
  },
);

it("her browser comes to no application, whichever host it had a cookie for", async () => {
  const { response, at } = await browser.follow(`${CONSOLE}/me/${PORT}/`);
  expect([response.status, new URL(at).pathname]).toEqual([401, "/hand-over"]);
  for (const host of [CONSOLE, SESSIONS])
    expect((await ask(`${host}/me/${PORT}/`, { headers: ana.program.headers })).status).toBe(403);
});
