import { reset } from "cloudflare:test";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { TestAgent } from "../../functions/support/agent.ts";
import { Browser } from "../../functions/support/browser.ts";
import { api, ask, CONSOLE, problemOf } from "../../functions/support/edge.ts";
import { running } from "../../functions/support/running.ts";

const LAUNCH = '{"service":"notebook"}';
const EVIL = "https://evil.example";

let agent: TestAgent;
let browser: Browser;
let id: string;

beforeAll(async () => {
  agent = await TestAgent.connect();
  ({ id } = await running(agent));
  browser = await Browser.loggedIn();
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});
afterEach(async () => {
  expect(await agent.untaken()).toEqual([]);
  const sessions = await (await api("GET", "/api/sessions")).json<{ id: string; canceling: boolean }[]>();
  expect(sessions.map((session) => [session.id, session.canceling])).toEqual([[id, false]]);
});

/** What a page may send to a foreign host without asking first (Fetch, "CORS-safelisted request-header"). */
const SIMPLE = [
  "text/plain",
  "text/plain; application/json",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
];

describe("a foreign page, in a browser that is logged in,", () => {
  it.each(SIMPLE)("launches and cancels nothing by a simple request: %s", async (type) => {
    for (const from of [
      { origin: EVIL, "sec-fetch-site": "cross-site" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors" },
    ])
      for (const path of [
        "/api/sessions",
        `/api/sessions/${id}/cancel`,
        "/launch/notebook",
        `/sessions/${id}/cancel`,
      ]) {
        const headers = { ...from, "content-type": type, accept: "*/*" };
        const response = await browser.go(CONSOLE + path, { method: "POST", headers, body: LAUNCH });
        expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden" });
      }
  });

  it.each([
    "/launch/notebook?open=1",
    "/launch/notebook?name=x&key=12345678&open=1&submit=1",
    "/api/sessions?service=notebook",
    "/api/sessions?_method=POST&service=notebook",
  ])("launches nothing by leading there: %s", async (path) => {
    for (const headers of [
      { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
      { "sec-fetch-site": "cross-site", "x-http-method-override": "POST", "x-method-override": "POST" },
    ])
      for (const method of ["GET", "HEAD"]) {
        const response = await browser.go(CONSOLE + path, { method, headers });
        await response.body?.cancel();
        expect(response.status).toBeLessThan(500);
      }
  });

  it.each(["PUT", "PATCH", "DELETE", "PROPFIND"])("does no more by %s", async (method) => {
    for (const path of [`/api/sessions/${id}`, `/api/sessions/${id}/cancel`, "/logout"]) {
      const response = await browser.go(CONSOLE + path, { method, headers: { origin: EVIL, accept: "*/*" } });
      expect(response.status).toBe(403);
    }
  });

  it("is told by no answer that it may read one", async () => {
    for (const path of ["/api/sessions", "/api/events", "/openapi.json", "/healthz", "/nothing"])
      for (const method of ["GET", "OPTIONS"]) {
        const asks = { origin: EVIL, "access-control-request-method": "POST", accept: "*/*" };
        const response = await browser.go(CONSOLE + path, { method, headers: asks });
        const allowed = [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));
        expect([path, method, allowed]).toEqual([path, method, []]);
        await response.body?.cancel();
      }
  });
});

it("a launch by the API is JSON that says so, whoever sends it", async () => {
  for (const type of SIMPLE.slice(0, 2)) {
    const response = await api("POST", "/api/sessions", { body: LAUNCH, headers: { "content-type": type } });
    expect([type, response.status]).toEqual([type, 400]);
  }
  const bare = await ask(`${CONSOLE}/api/sessions`, { method: "POST", body: LAUNCH });
  expect(bare.status).toBe(401);
});
