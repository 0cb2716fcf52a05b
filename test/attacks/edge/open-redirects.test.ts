import { reset } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestAgent } from "../../functions/support/agent.ts";
import { TestAgent as Agent } from "../../functions/support/agent.ts";
import { Browser, loginLink } from "../../functions/support/browser.ts";
import { asApi, ask, CONSOLE, SESSIONS, sessionNamed } from "../../functions/support/edge.ts";
import { FOREIGN_PATHS } from "../../functions/support/foreign-paths.ts";
import { running } from "../../functions/support/running.ts";
import { report } from "../../functions/support/samples.ts";

let agent: TestAgent;
let browser: Browser;
let id: string;

beforeAll(async () => {
  agent = await Agent.connect();
  ({ id } = await running(agent));
  browser = await Browser.loggedIn();
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

/** Where a browser that is at `from` goes from here: to a host of Berth's, or it stays. */
function expectOurs(response: Response, from: string): void {
  const location = response.headers.get("location");
  if (location === null) return;
  expect(["localhost:8787", "sessions.localhost:8787"]).toContain(new URL(location, from).host);
  expect(new URL(location, from).protocol).toBe("http:");
}

const QUERIES = ["to", "next", "url"];

describe("an address that says where to go on", () => {
  it.each(FOREIGN_PATHS)("leads nowhere else: %j", async (foreign) => {
    const text = encodeURIComponent(foreign);
    const link = new URL(await loginLink());
    const paths = [
      "/login",
      "/login/callback",
      "/hand-over",
      `/share/${id}`,
      "/",
      "/join",
      `/sessions/${id}`,
    ];
    for (const path of [...paths, link.pathname + link.search, `/launch/notebook`])
      for (const name of QUERIES) {
        const address = `${CONSOLE}${path}${path.includes("?") ? "&" : "?"}${name}=${text}`;
        for (const someone of path.startsWith("/login") ? [browser, new Browser()] : [browser]) {
          const response = await someone.go(address);
          await response.body?.cancel();
          expectOurs(response, CONSOLE);
        }
      }
    for (const path of ["/enter", "/enter-share"])
      expectOurs(await browser.go(`${SESSIONS}${path}?code=x&to=${text}`), SESSIONS);
  });

  it.each([
    "//evil.example/",
    "/\\evil.example/",
    "//evil.example/%2f..",
    "/%09/evil.example",
    "///evil.example",
  ])("leads nowhere else by its path: %s", async (path) => {
    for (const host of [CONSOLE, SESSIONS]) expectOurs(await browser.go(host + path), host);
  });
});

describe("a slug", () => {
  it.each([
    "//evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "@evil.example",
    "%2f%2fevil.example",
    '//evil.example?x="+window.location.host+"',
    "?next=//evil.example",
  ])("leads to its own session: %s", async (slug) => {
    await agent.report(report(id, { slug, status: `with ${slug}`.slice(0, 1024) }));
    const { url } = await sessionNamed(id);
    expect(url).toMatch(/^\/me\/51458\/(?![/\\])/);
    const opened = await browser.go(`${CONSOLE}/sessions/${id}?open=1`);
    await opened.body?.cancel();
    expect(new URL(opened.headers.get("location") ?? "/none", CONSOLE).pathname).toMatch(/^\/me\/51458\//);
    expectOurs(opened, CONSOLE);
  });
});

describe("an application's own redirect", () => {
  it.each(["/\\evil.example", "//evil.example/", "\\\\evil.example", "/me/51459/", "/%2f/evil.example"])(
    "is the application's, and none of Berth's pages go there: %s",
    async (location) => {
      const answer = ask(`${SESSIONS}/me/51458/go`, { headers: asApi });
      const { head } = await agent.next("request");
      const headers: [string, string][] = [["Location", location]];
      agent.send({ type: "response", id: head.id, status: 302, headers, length: 0, end: true });
      const told = (await answer).headers.get("location") ?? "";
      // What begins with one slash is a path of the application's; what does not, it could say on a page of its own.
      if (/^\/(?![/\\])/.test(location)) expect(told).toBe(`/me/51458${location}`);
      else expect(told).toBe(location);
    },
  );
});
