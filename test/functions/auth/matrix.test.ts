import { reset } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, CONSOLE, SESSIONS } from "../support/edge.ts";
import { shownText } from "../support/shown-text.ts";
import { Household } from "../support/household.ts";
import { browserOf, person } from "../support/people.ts";
import {
  type Class,
  classOf,
  documented,
  type Route,
  routed,
  routes,
  spelled,
  UNDOCUMENTED,
} from "../support/route-classes.ts";
import { guestUrl, originOfSession, visit } from "../support/sharing.ts";

const ANAS_PORT = 51_458;
const BENS_PORT = 51_459;

let ana: Household;
let ben: Household;
let shareId: string;
/** The cookies of a guest whose share has ended, by host. */
let formerGuest: Awaited<ReturnType<Household["browser"]>>;
let before: unknown;

beforeAll(async () => {
  ana = await Household.of("ana", ANAS_PORT);
  ben = await Household.of("ben", BENS_PORT);
  const cleo = await person("cleo");
  const share = await ana.share(cleo);
  formerGuest = await browserOfGuest(cleo);
  expect((await ana.ask("DELETE", `/api/sessions/${ana.session.id}/shares/${share.id}`)).status).toBe(204);
  await ana.agent.next("evict");
  // One that goes on, for its id to be tried.
  shareId = (await ana.share(await person("dora"))).id;
  before = await ana.state();
});

afterAll(async () => {
  await ana[Symbol.asyncDispose]();
  await ben[Symbol.asyncDispose]();
  await reset();
});

async function browserOfGuest(guest: Awaited<ReturnType<typeof person>>): ReturnType<Household["browser"]> {
  const browser = await browserOf(guest);
  const { response } = await visit(browser, ana.agent, guestUrl(ana.session.id));
  expect(response.status).toBe(200);
  return browser;
}

const routesOf = (...classes: Class[]): [string, Route][] =>
  routes
    .filter(({ path }) => classes.includes(classOf(path) ?? "open"))
    .map((route) => [spelled(route), route]);

describe("every route", () => {
  it.each(routes.map(spelled))("%s has a class", (route) => {
    const [, path = ""] = route.split(" ");
    expect([route, classOf(path)]).not.toEqual([route, undefined]);
  });

  it("of the router is in the document, or known to be in none", () => {
    const described = new Set(documented.map(spelled));
    const strange = routed.filter(
      (route) =>
        !route.path.includes("*") && !described.has(spelled(route)) && !UNDOCUMENTED.test(route.path),
    );
    expect(strange).toEqual([]);
  });

  it("of the document is one that the router or the proxy has", () => {
    const known = new Set(routed.map(spelled));
    const missing = documented.filter(
      (route) => !known.has(spelled(route)) && classOf(route.path) !== "application",
    );
    expect(missing).toEqual([]);
  });
});

/** The address of one of Ana's things. */
function hers(path: string): string {
  const { session, program, login, enrolment, somebody } = ana;
  const id = path.includes("/tokens/")
    ? program.id
    : path.includes("/logins/")
      ? login
      : path.includes("/agents/")
        ? enrolment.id
        : session.id;
  const parameters: Record<string, string> = {
    id,
    session: session.id,
    share: shareId,
    user: somebody.id,
    port: String(ANAS_PORT),
    path: "x",
    name: path.includes("/resources/") ? "anas-cluster" : "anas-service",
    service: "anas-service",
    file: "anas-service.svg",
    what: "retry",
  };
  return path.replaceAll(/\{(\w+)\}/g, (_whole, key: string) => parameters[key] ?? "x");
}

/** A body that the route would take, so that nothing is refused for being malformed. */
const BODIES: readonly [pattern: RegExp, body: object][] = [
  [/^\/api\/sessions$/, { service: "bens-service" }],
  [/^\/api\/tokens$/, { name: "another", scopes: ["read"] }],
  [/\/shares$/, { with: { kind: "user", subject: "ben" } }],
  [/(?:cancel|lock-out)$/, { reason: "because" }],
];

type Who = { headers: Record<string, string>; host?: string };

async function tryAs({ headers, host = CONSOLE }: Who, { method, path }: Route): Promise<Response> {
  const isForm = !path.startsWith("/api/") && !path.startsWith("/agent/");
  const body = JSON.stringify(BODIES.find(([pattern]) => pattern.test(path))?.[1] ?? {});
  const typed = isForm ? "application/x-www-form-urlencoded" : "application/json";
  const sends = method !== "GET" && method !== "HEAD";
  const query = path === "/share/{session}" ? `?browser=${"0".repeat(64)}` : "";
  return ask(host + hers(path) + query, {
    method,
    headers: { accept: "application/json", ...headers, ...(sends ? { "content-type": typed } : {}) },
    ...(sends ? { body: isForm ? "" : body } : {}),
  });
}

/** The answer is one of these, and nothing of Ana's is in it that was not in the question. */
async function expectRefused(response: Response, route: Route, statuses: readonly number[]): Promise<void> {
  const text = await shownText(response);
  const told = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  expect([spelled(route), response.status, statuses.includes(response.status)]).toEqual([
    spelled(route),
    response.status,
    true,
  ]);
  const asked = hers(route.path);
  for (const mark of ana.marks.filter((each) => !asked.includes(each)))
    expect([spelled(route), `${told}\n${text}`]).not.toEqual([spelled(route), expect.stringContaining(mark)]);
}

async function expectUntouched(): Promise<void> {
  expect(await ana.state()).toEqual(before);
  expect(await ana.agent.untaken()).toEqual([]);
}

/** By the class of a route, what each of these is answered; `own`: what is theirs, of which nothing is Ana's. */
const THEIRS = [200, 201, 202, 204, 302, 303, 400, 404, 409, 503];
const EXPECTED = {
  nobody: { own: [401], one: [401], operator: [401], agent: [401], application: [401] },
  other: { own: THEIRS, one: [404], operator: [404], agent: [401], application: [404] },
  agent: { own: [401], one: [401], operator: [401], agent: [400, 404, 204], application: [401] },
} as const satisfies Record<string, Partial<Record<Class, readonly number[]>>>;

const closed = routesOf("own", "one", "operator", "agent", "application");

function expected(who: keyof typeof EXPECTED, { path }: Route): readonly number[] {
  const is = classOf(path);
  return is === undefined || is === "open" ? [] : EXPECTED[who][is];
}

describe.each(closed)("%s", (_name, route) => {
  it("lets nobody in without a proof", async () => {
    await expectRefused(await tryAs({ headers: {} }, route), route, expected("nobody", route));
    await expectRefused(
      await tryAs({ headers: {}, host: originOfSession(ana.session.id) }, route),
      route,
      expected("nobody", route).concat(404),
    );
  });

  it("gives another user's browser nothing of Ana's", async () => {
    const browser = await ben.browser();
    const headers = { cookie: browser.cookies("localhost:8787"), origin: CONSOLE };
    await expectRefused(await tryAs({ headers }, route), route, expected("other", route));
    await expectUntouched();
  });

  it("gives another user's program nothing of Ana's", async () => {
    // 400: what is for browsers on their way alone.
    const statuses = [...expected("other", route), ...(route.path.startsWith("/share/") ? [400] : [403])];
    await expectRefused(await tryAs(ben.program, route), route, statuses);
    await expectUntouched();
  });

  it("gives another user's agent nothing of Ana's", async () => {
    if (route.path === "/agent/leave") return;
    await expectRefused(await tryAs(ben.enrolment, route), route, expected("agent", route));
    await expectUntouched();
  });

  it("is not for her own agent, unless it is an agent's", async () => {
    if (classOf(route.path) === "agent") return;
    await expectRefused(await tryAs(ana.enrolment, route), route, [401]);
    await expectUntouched();
  });

  it("gives a guest whose share has ended nothing, on any host", async () => {
    for (const host of [CONSOLE, SESSIONS, originOfSession(ana.session.id)]) {
      const headers = {
        cookie: formerGuest.cookies(new URL(originOfSession(ana.session.id)).host),
        origin: host,
      };
      // 421: where each session has a host of its own, the host of them all is none's.
      await expectRefused(await tryAs({ headers, host }, route), route, [401, 404, 421]);
    }
    await expectUntouched();
  });
});

describe("a request for an application of Ana's", () => {
  const KINDS: readonly [string, { method?: string; body?: string; headers?: Record<string, string> }][] = [
    ...["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"].map(
      (method): [string, { method: string; body?: string }] => [
        method,
        { method, ...(method === "POST" ? { body: "x" } : {}) },
      ],
    ),
    ["an event stream", { headers: { accept: "text/event-stream" } }],
    ["a page", { headers: { accept: "text/html" } }],
    ["a WebSocket", { headers: { upgrade: "websocket", connection: "Upgrade" } }],
    ["a range", { headers: { range: "bytes=0-1" } }],
  ];
  const PATHS = [
    `/me/${ANAS_PORT}`,
    `/me/${ANAS_PORT}/`,
    `/me/${ANAS_PORT}/api/contents?x=1`,
    `/sme/${ANAS_PORT}/x`,
  ];
  const SHARED = "/s/";

  /** Who they are, the headers they have, and what they may be answered; a page is led to the console to log in. */
  const others = async (): Promise<[string, (host: string) => Record<string, string>, number[]][]> => {
    const [bens, guests] = [await ben.browser(), formerGuest];
    await bens.follow(`${originOfSession(ben.session.id)}/me/1024/`);
    const cookies = (browser: typeof bens, host: string): string =>
      [...new Set([host, originOfSession(ben.session.id), originOfSession(ana.session.id), CONSOLE])]
        .map((origin) => browser.cookies(new URL(origin).host))
        .filter((text) => text !== "")
        .join("; ");
    return [
      ["nobody", () => ({}), [401, 302, 404, 421]],
      [
        "another's browser",
        (host) => ({ cookie: cookies(bens, host), origin: host }),
        [401, 302, 403, 404, 421],
      ],
      ["another's program", () => ben.program.headers, [401, 302, 404]],
      ["another's agent", () => ben.enrolment.headers, [401, 302, 404, 421]],
      ["her own agent", () => ana.enrolment.headers, [401, 302, 404, 421]],
      [
        "a former guest",
        (host) => ({ cookie: cookies(guests, host), origin: host }),
        [401, 302, 403, 404, 421],
      ],
    ];
  };

  it.each(KINDS)("by %s reaches it from nobody but her", async (_kind, init) => {
    const id = ana.session.id;
    const hosts = [CONSOLE, SESSIONS, originOfSession(id), originOfSession(ben.session.id)];
    for (const [who, headersFor, statuses] of await others())
      for (const host of hosts)
        for (const path of [...PATHS, `${SHARED}${id}`, `${SHARED}${id}/x`]) {
          const headers = { ...headersFor(host), ...init.headers };
          const response = await ask(host + path, { ...init, headers });
          const seen = [who, host, path, response.status];
          expect([...seen, statuses.includes(response.status)]).toEqual([...seen, true]);
          expect(response.webSocket).toBeNull();
          const location = response.headers.get("location");
          if (location !== null)
            expect(location).toMatch(/^http:\/\/localhost:8787\/(?:hand-over|share|me|sme)/);
          await response.body?.cancel();
        }
    await expectUntouched();
  });

  it.each(["/wait/51458", "/wait/51459"])("says nothing of it while it is waited for: %s", async (path) => {
    for (const headers of [{}, ana.enrolment.headers, ben.enrolment.headers])
      expect((await ask(CONSOLE + path, { headers })).status).toBe(401);
    const response = await ask(CONSOLE + path, { headers: ben.program.headers });
    if (path.endsWith("51458")) expect(response.status).toBe(404);
    const text = await shownText(response);
    for (const mark of ana.marks) expect(text).not.toContain(mark);
    await expectUntouched();
  });
});

it("what is Ana's is there for her all the same", async () => {
  const answer = ana.ask("GET", `/me/${ANAS_PORT}/x`);
  const { head } = await ana.agent.next("request");
  ana.agent.send({ type: "response", id: head.id, status: 204, headers: [], length: 0, end: true });
  expect((await answer).status).toBe(204);
  expect((await ana.ask("GET", `/api/sessions/${ana.session.id}`)).status).toBe(200);
});
