import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../../contract/session.ts";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { asApi, ask, CONSOLE, problemOf, SESSIONS } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { running } from "../support/running.ts";
import { report } from "../support/samples.ts";
import { answerNext, guestUrl, originOfSession, share, visit } from "../support/sharing.ts";
import { takeSocket } from "../support/streams.ts";

let agent: TestAgent;
let session: Session;
const ben = await person("ben");
const withBen = { kind: "user", subject: "ben" } as const;
const asProgram = { accept: "application/json" };

beforeEach(async () => {
  agent = await TestAgent.connect();
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

/** A guest's browser in a session that is shared with them. */
async function guest(mode: "view" | "use", changes: Parameters<typeof running>[1] = {}): Promise<Browser> {
  session = await running(agent, changes);
  await share(session.id, { with: withBen, mode });
  const browser = await browserOf(ben);
  const visited = browser.follow(guestUrl(session.id));
  await answerNext(agent);
  await (await visited).response.text();
  return browser;
}

const own = (): string => originOfSession(session.id);
const ownUrl = (rest = ""): string => `${own()}${session.url}${rest}`;

/** The cookie of a guest for this session, as another host or another client might show it. */
const cookieOf = (browser: Browser): string => browser.cookies(new URL(own()).host);

describe("a guest who may look", () => {
  it.each(["GET", "HEAD", "OPTIONS"])("sends %s", async (method) => {
    const browser = await guest("view");
    const [head] = await Promise.all([answerNext(agent), browser.go(guestUrl(session.id, "/x"), { method })]);
    expect(head).toMatchObject({ method, path: "/x" });
  });

  it.each(["POST", "PUT", "PATCH", "DELETE", "PROPFIND"])("sends no %s", async (method) => {
    const browser = await guest("view");
    for (const url of [guestUrl(session.id, "/x"), ownUrl("x")]) {
      const headers = { origin: own(), ...asProgram };
      const answer = await browser.go(url, { method, headers });
      expect(await problemOf(answer)).toMatchObject({ status: 403, code: "view_only" });
    }
    expect(await agent.untaken()).toEqual([]);
  });

  it("opens no WebSocket", async () => {
    const browser = await guest("view");
    for (const url of [guestUrl(session.id, "/kernel"), ownUrl("kernel")]) {
      const headers = { origin: own(), upgrade: "websocket", ...asProgram };
      expect((await browser.go(url, { headers })).status).toBe(403);
    }
    expect(await agent.untaken()).toEqual([]);
  });
});

describe("a guest who may use", () => {
  it("does what the owner can, from the session's own pages alone", async () => {
    const browser = await guest("use");
    const post = (origin: string) =>
      browser.go(guestUrl(session.id, "/run"), {
        method: "POST",
        body: "6*7",
        headers: { origin, "content-length": "3", ...asProgram },
      });
    const [head] = await Promise.all([answerNext(agent), post(own())]);
    expect(head).toMatchObject({ method: "POST", path: "/run", body: "inline" });
    for (const origin of [
      "https://evil.example",
      SESSIONS,
      CONSOLE,
      originOfSession("s0000000000x0"),
      "null",
    ])
      expect((await post(origin)).status).toBe(403);
    expect(await agent.untaken()).toEqual([]);
  });

  it("opens WebSockets, from the session's own pages alone", async () => {
    const browser = await guest("use");
    const open = (headers: Record<string, string>) =>
      browser.go(guestUrl(session.id, "/kernel?id=1"), { headers: { upgrade: "websocket", ...headers } });
    const answer = open({ origin: own() });
    const { head } = await agent.next("websocket");
    expect(head).toMatchObject({ path: "/kernel?id=1" });
    const service = await takeSocket(head.id);
    service.accept();
    const socket = (await answer).webSocket;
    socket?.accept();
    const said = new Promise((resolve) => {
      service.addEventListener("message", ({ data }) => resolve(data), { once: true });
    });
    socket?.send("hello");
    expect(await said).toBe("hello");
    socket?.close();
    expect((await open({ origin: "https://evil.example" })).status).toBe(403);
    expect((await open({})).status).toBe(403);
  });
});

describe("an application that strips its prefix", () => {
  it("is mapped behind the guests' address: redirects, cookies, and the worker's scope", async () => {
    const browser = await guest("view");
    const prefix = `/s/${session.id}`;
    const answer = browser.go(guestUrl(session.id, "/a"));
    await answerNext(
      agent,
      [
        ["location", "/login?next=/a"],
        ["set-cookie", "token=1; Path=/; Domain=sessions.localhost"],
        ["set-cookie", "berth_share=evil; Path=/"],
        ["service-worker-allowed", "/"],
      ],
      302,
    );
    const { headers } = await answer;
    expect(headers.get("location")).toBe(`${prefix}/login?next=/a`);
    expect(headers.getSetCookie()).toEqual([`token=1; Path=${prefix}/`]);
    expect(headers.get("service-worker-allowed")).toBe(`${prefix}/`);
  });

  it("may know the address that its owner has, which is this session's too", async () => {
    const browser = await guest("view");
    const answer = browser.go(guestUrl(session.id, "/a"));
    const known = `/me/${session.port}`;
    await answerNext(
      agent,
      [
        ["location", `${known}/b`],
        ["set-cookie", `token=1; Path=${known}/`],
        ["set-cookie", `other=1; Path=${known}9/`],
      ],
      302,
    );
    const { headers } = await answer;
    expect(headers.get("location")).toBe(`${known}/b`);
    expect(headers.getSetCookie()).toEqual([
      `token=1; Path=${known}/`,
      `other=1; Path=/s/${session.id}${known}9/`,
    ]);
    expect((await visit(browser, agent, `${own()}${known}/b`)).head.path).toBe("/b");
  });

  it("is a folder, so that relative links stay in it", async () => {
    const browser = await guest("view");
    const answer = await browser.go(guestUrl(session.id, ""));
    expect([answer.status, answer.headers.get("location")]).toEqual([307, `/s/${session.id}/`]);
  });
});

describe("an application that is told its address", () => {
  it("has its guests there, on this host", async () => {
    session = await running(agent, { stripPrefix: false });
    await share(session.id, { with: withBen, mode: "use" });
    const browser = await browserOf(ben);
    const { at, head } = await visit(browser, agent, guestUrl(session.id, "/tree?x=1"));
    expect([at, head.path]).toEqual([ownUrl("tree?x=1"), `/me/${session.port}/tree?x=1`]);
    expect(head.headers.map(([name]) => name)).not.toContain("x-forwarded-prefix");
    const next = await visit(browser, agent, ownUrl("static/app.js"));
    expect([next.way, next.head.path]).toEqual([[], `/me/${session.port}/static/app.js`]);
  });

  it("is known by no other port", async () => {
    const browser = await guest("use");
    const other = await running(agent, { port: 51_459 });
    for (const port of [other.port, 51_460, 1024]) {
      const answer = await browser.go(`${own()}/me/${port}/`, { headers: asProgram });
      expect(await problemOf(answer)).toMatchObject({ status: 404, code: "not_found" });
    }
    const scheme = await browser.go(`${own()}/sme/${session.port}/`, { headers: asProgram });
    expect(scheme.status).toBe(404);
    expect(await agent.untaken()).toEqual([]);
  });
});

describe("a guest's cookie", () => {
  it("is good for this session on its own host, and nowhere else", async () => {
    const browser = await guest("use");
    const other = await running(agent, { port: 51_459 });
    const cookie = cookieOf(browser);
    const value = cookie.split("berth_share=")[1]?.split(";")[0] ?? "";
    expect(value).toMatch(/\./);
    const status = async (url: string): Promise<number> =>
      (
        await ask(url, {
          headers: { ...asProgram, cookie: `${cookie}; berth=${value}; berth_session=${value}` },
        })
      ).status;
    for (const url of [
      guestUrl(other.id),
      `${originOfSession(other.id)}/s/${session.id}/`,
      `${originOfSession(other.id)}${other.url}`,
      `${CONSOLE}/api/sessions`,
      `${CONSOLE}/`,
      `${own()}/wait/${session.port}`,
    ])
      expect([url, await status(url)]).toEqual([url, 401]);
    for (const url of [
      `${own()}/s/${other.id}/`,
      `${CONSOLE}/s/${session.id}/`,
      `${SESSIONS}/s/${session.id}/`,
      `${own()}/s/`,
      `${own()}/s/${session.id}x/`,
      `${own()}/s/${session.id.toUpperCase()}/`,
      `${own()}/s//${session.id}/`,
    ])
      expect([url, await status(url)]).toEqual([url, 404]);
    expect(await agent.untaken()).toEqual([]);
  });

  it("is none when it was altered, or another's value for the same share", async () => {
    const browser = await guest("use");
    const cookie = cookieOf(browser);
    const altered = cookie.replace(/(berth_share=.)./, (_all, start: string) => `${start}A`);
    for (const shown of [altered, "berth_share=", "berth_share=x.y"]) {
      const answer = await ask(guestUrl(session.id), { headers: { ...asProgram, cookie: shown } });
      expect(answer.status).toBe(401);
    }
    // An application may have set another of that name in front of it.
    const both = ask(guestUrl(session.id), { headers: { ...asProgram, cookie: `berth_share=x; ${cookie}` } });
    await answerNext(agent);
    expect((await both).status).toBe(200);
  });

  it("is not needed by a token, which is no way to a shared address", async () => {
    await guest("use");
    expect((await ask(guestUrl(session.id), { headers: { ...asProgram, ...asApi } })).status).toBe(401);
  });
});

describe("a shared session that does not answer", () => {
  it("says so without a way to what is the owner's", async () => {
    const browser = await guest("view");
    const failed = browser.go(guestUrl(session.id));
    const { head } = await agent.next("request");
    agent.send({ type: "fail", id: head.id, code: "refused", message: "it does not listen" });
    const html = await (await failed).text();
    expect([(await failed).status, html.includes(CONSOLE)]).toEqual([502, false]);
    await agent[Symbol.asyncDispose]();
    const away = await browser.go(guestUrl(session.id));
    expect([away.status, (await away.text()).includes(CONSOLE)]).toEqual([503, false]);
    agent = await TestAgent.connect();
  });

  it("and does not run yet waits for it", async () => {
    session = await running(agent, { state: "queued", status: "Queued", port: undefined });
    await share(session.id, { with: withBen });
    const browser = await browserOf(ben);
    const { response } = await browser.follow(guestUrl(session.id));
    expect([response.status, (await response.text()).includes("shared with you")]).toEqual([503, true]);
    await agent.report(report(session.id));
    expect((await visit(browser, agent, guestUrl(session.id))).response.status).toBe(200);
  });
});
