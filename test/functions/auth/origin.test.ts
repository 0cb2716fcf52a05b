import { env } from "cloudflare:workers";
import { createExecutionContext, reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { app } from "../../../functions/app.ts";
import worker from "../../../functions/index.ts";
import { TestAgent } from "../support/agent.ts";
import { Browser } from "../support/browser.ts";
import { api, asApi, ask, CONSOLE, problemOf, SESSIONS } from "../support/edge.ts";
import { OPEN_ROUTES } from "../support/open-routes.ts";
import { running } from "../support/running.ts";

let agent: TestAgent;
let browser: Browser;

beforeEach(async () => {
  agent = await TestAgent.connect();
  await running(agent);
  browser = await Browser.loggedIn();
  // Where no session is: the hand-over comes first.
  await browser.follow(`${SESSIONS}/me/1024/`);
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

const FOREIGN = [
  "https://evil.example",
  "null",
  SESSIONS,
  "https://localhost:8787",
  "http://localhost:8788",
  "http://localhost",
  "http://evil.localhost:8787",
  "http://localhost:8787.evil.example",
  "http://localhost:8787/",
];

describe("a request that changes something, by a cookie", () => {
  const changing = app.routes
    .filter(({ method, path }) => !["ALL", "GET"].includes(method) && !path.startsWith("/agent/"))
    .filter(({ path }) => !OPEN_ROUTES.has(path))
    .map(({ method, path }): [string, string] => [method, path.replaceAll(/:\w+/g, "s000000000000")]);

  it.each(changing)("%s %s is refused from a page of another origin", async (method, path) => {
    for (const origin of FOREIGN) {
      const response = await browser.go(CONSOLE + path, { method, headers: { origin, accept: "*/*" } });
      expect([origin, response.status]).toEqual([origin, 403]);
      expect(await problemOf(response)).toMatchObject({ code: "forbidden" });
    }
    expect(await agent.untaken()).toEqual([]);
  });

  it("is refused without an Origin when the browser says that another site sent it", async () => {
    for (const site of ["cross-site", "same-site"]) {
      const headers = { "sec-fetch-site": site, accept: "*/*" };
      expect((await browser.go(`${CONSOLE}/api/login-links`, { method: "POST", headers })).status).toBe(403);
    }
  });

  it.each([
    { origin: CONSOLE },
    { origin: CONSOLE, "sec-fetch-site": "same-origin" },
    // A page whose referrer policy is no-referrer.
    { origin: "null", "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "same-origin" },
  ])("is taken from the console itself: %j", async (headers) => {
    const response = await browser.go(`${CONSOLE}/api/login-links`, {
      method: "POST",
      headers: { accept: "*/*", ...headers },
    });
    expect(response.status).toBe(201);
  });

  it("cannot launch as a form of another site does", async () => {
    const response = await browser.go(`${CONSOLE}/api/sessions`, {
      method: "POST",
      headers: { origin: "https://evil.example", "content-type": "text/plain", accept: "*/*" },
      body: JSON.stringify({ service: "notebook" }),
    });
    expect(response.status).toBe(403);
    expect(await agent.untaken()).toEqual([]);
  });

  it("to an application is held to the applications' own origin", async () => {
    for (const origin of ["https://evil.example", "null", CONSOLE]) {
      const response = await browser.go(`${SESSIONS}/me/51458/api`, { method: "POST", headers: { origin } });
      expect(response.status).toBe(403);
    }
    expect(await agent.untaken()).toEqual([]);
  });
});

describe("a request that only looks, by a cookie", () => {
  const pages = ["/", "/api/sessions", "/api/events", "/openapi.json", "/account"];
  const foreign = (mode: string, dest: string, site = "cross-site"): Record<string, string> => ({
    "sec-fetch-site": site,
    "sec-fetch-mode": mode,
    "sec-fetch-dest": dest,
  });

  it.each([
    foreign("no-cors", "image"),
    foreign("no-cors", "script", "same-site"),
    foreign("cors", "empty", "same-site"),
    foreign("navigate", "iframe", "same-site"),
    foreign("navigate", "object"),
    foreign("navigate", "embed"),
    { ...foreign("navigate", "document", "same-site"), "sec-purpose": "prefetch" },
  ])("is refused to a page of another origin that embeds or fetches: %j", async (headers) => {
    for (const path of pages) {
      const response = await browser.go(CONSOLE + path, { headers: { ...headers, accept: "*/*" } });
      expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden" });
    }
    const response = await browser.go(`${SESSIONS}/me/51458/`, { headers: { ...headers, accept: "*/*" } });
    expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden" });
    expect(await agent.untaken()).toEqual([]);
  });

  it("begins no login for a page of another origin, which would end the one that is there", async () => {
    for (const headers of [foreign("no-cors", "image"), foreign("navigate", "iframe", "same-site")])
      for (const path of ["/login", "/login/callback"]) {
        const response = await browser.go(CONSOLE + path, { headers: { ...headers, accept: "*/*" } });
        expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden" });
      }
    // Back from the identity provider, and from a link in a mail.
    const headers = foreign("navigate", "document");
    expect((await browser.go(`${CONSOLE}/login?code=x`, { headers })).status).toBe(401);
    expect((await browser.go(`${CONSOLE}/login/callback?code=x`, { headers })).status).toBe(404);
  });

  it.each([
    foreign("navigate", "document"),
    foreign("navigate", "document", "same-site"),
    foreign("navigate", "document", "none"),
    foreign("cors", "empty", "same-origin"),
    foreign("navigate", "iframe", "same-origin"),
  ])("is answered where a link leads, and to our own pages: %j", async (headers) => {
    expect((await browser.go(`${CONSOLE}/account`, { headers })).status).toBe(200);
    expect((await browser.go(`${SESSIONS}/me/1024/`, { headers })).status).toBe(404);
  });
});

describe("a WebSocket", () => {
  const upgrade = (headers: Record<string, string>): Promise<Response> =>
    ask(`${SESSIONS}/me/51458/kernel`, { headers: { upgrade: "websocket", ...headers } });
  const cookie = (): string => browser.cookies("sessions.localhost:8787");

  it.each([...FOREIGN.filter((origin) => origin !== SESSIONS), CONSOLE])(
    "by a cookie, from the origin %j, is refused",
    async (origin) => {
      expect(cookie()).toContain("berth_session=");
      const response = await upgrade({ cookie: cookie(), origin });
      expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden" });
      expect(await agent.untaken()).toEqual([]);
    },
  );

  it("by a cookie, without an origin, is refused", async () => {
    expect((await upgrade({ cookie: cookie() })).status).toBe(403);
    expect((await upgrade({ cookie: cookie(), "sec-fetch-site": "same-origin" })).status).toBe(403);
  });

  it.each([
    ["by a cookie, from the applications' own origin", () => ({ cookie: cookie(), origin: SESSIONS })],
    ["by the API's token", () => asApi],
    ["by the API's token, whatever the origin", () => ({ ...asApi, origin: "https://evil.example" })],
  ])("%s reaches the agent", async (_how, headers) => {
    const answer = upgrade(headers());
    const { head } = await agent.next("websocket");
    expect(head.headers.map(([name]) => name)).not.toContain("cookie");
    agent.send({ type: "fail", id: head.id, code: "refused", message: "enough" });
    expect((await answer).status).toBe(502);
  });
});

describe("a host", () => {
  const HOSTS = [
    "http://evil.example:8787",
    "http://127.0.0.1:8787",
    "http://[::1]:8787",
    "http://localhost.:8787",
    "http://evil.localhost:8787",
    "http://localhost.evil.example:8787",
  ];

  it.each(HOSTS)("such as %s is not served to a browser, whatever its cookies", async (origin) => {
    const cookies = [browser.cookies("localhost:8787"), browser.cookies("sessions.localhost:8787")].join(
      "; ",
    );
    for (const path of ["/", "/api/sessions", "/me/51458/", "/wait/51458"]) {
      const response = await ask(origin + path, { headers: { cookie: cookies, origin } });
      expect(await problemOf(response)).toMatchObject({ status: 421, code: "misdirected_host" });
    }
    expect((await ask(`${origin}/login?code=x`)).status).toBe(404);
    expect(await agent.untaken()).toEqual([]);
  });

  it("may be any for a program, which no page can make send a token", async () => {
    expect((await ask("http://127.0.0.1:8787/api/agent", { headers: asApi })).status).toBe(200);
  });
});

describe("the console, on the applications' host", () => {
  it.each(["/", "/api/sessions", "/api/events", "/services", "/openapi.json", "/notifications"])(
    "is not there: %s",
    async (path) => {
      const response = await browser.go(SESSIONS + path, { headers: { accept: "*/*" } });
      expect(await problemOf(response)).toMatchObject({ status: 404, code: "not_found" });
    },
  );
});

describe("an edge without its secrets", () => {
  const { BERTH_API_TOKEN, BERTH_AGENT_TOKEN, BERTH_COOKIE_SECRET, ...bare } = env;
  const secrets = { BERTH_API_TOKEN, BERTH_AGENT_TOKEN, BERTH_COOKIE_SECRET };
  const without = (missing: keyof typeof secrets, value: "" | undefined): object => ({
    ...bare,
    ...secrets,
    [missing]: value,
  });

  it.each([
    ["BERTH_API_TOKEN", "/api/sessions"],
    ["BERTH_API_TOKEN", "/me/51458/"],
    ["BERTH_COOKIE_SECRET", "/api/sessions"],
    ["BERTH_COOKIE_SECRET", "/"],
    ["BERTH_COOKIE_SECRET", "/login?code=x"],
    ["BERTH_AGENT_TOKEN", "/agent/link"],
  ] as const)("lets nobody in: %s, %s", async (missing, path) => {
    for (const value of [undefined, ""] as const)
      for (const authorization of ["", "Bearer ", "Bearer undefined", asApi.authorization]) {
        const request = new Request(CONSOLE + path, { headers: { authorization } });
        const response = await worker.fetch(
          request,
          without(missing, value) as typeof env,
          createExecutionContext(),
        );
        expect(await problemOf(response)).toMatchObject({ status: 503, code: "not_configured" });
      }
  });

  it("still says that it lives", async () => {
    const response = await worker.fetch(new Request(`${CONSOLE}/healthz`), bare, createExecutionContext());
    expect(response.status).toBe(200);
  });
});

it("what a stranger asks reaches no agent", async () => {
  await ask(`${SESSIONS}/me/51458/`);
  await ask(`${CONSOLE}/api/sessions`, { method: "POST", body: "{}" });
  expect(await agent.untaken()).toEqual([]);
  expect(await (await api("GET", "/api/agent")).json()).toMatchObject({ online: true });
});
