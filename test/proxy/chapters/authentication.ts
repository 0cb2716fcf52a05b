import { beforeAll, describe, expect, it } from "vitest";
import { valueOf, type HeaderList } from "../../support/raw-http.ts";
import { exchange, freshKey, prefixOf, seen, stranger, upgradeAnswer } from "../client.ts";
import type { Stage } from "../stage.ts";
import type { Access } from "../subject.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"];

/** What does not let anybody in. `token` is the real one. */
const FORGED: readonly [string, (token: string) => HeaderList][] = [
  ["nothing", () => []],
  ["another token", () => [["Authorization", "Bearer not-the-token"]]],
  ["an empty token", () => [["Authorization", "Bearer "]]],
  ["a longer token", (token) => [["Authorization", `Bearer ${token}x`]]],
  ["a shorter token", (token) => [["Authorization", `Bearer ${token.slice(0, -1)}`]]],
  ["the token in capitals", (token) => [["Authorization", `Bearer ${token.toUpperCase()}`]]],
  ["the token without a scheme", (token) => [["Authorization", token]]],
  ["the token as a password", (token) => [["Authorization", `Basic ${btoa(`berth:${token}`)}`]]],
  ["the token for a proxy", (token) => [["Proxy-Authorization", `Bearer ${token}`]]],
  [
    "the token as a cookie",
    (token) => [["Cookie", `berth=${token}; berth_session=${token}; token=${token}`]],
  ],
  ["an unsigned token", () => [["Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9."]]],
  [
    "a claimed user",
    () => [
      ["X-Forwarded-User", "root"],
      ["Remote-User", "root"],
      ["X-Remote-User", "root"],
    ],
  ],
  [
    "a claimed loopback",
    () => [
      ["X-Forwarded-For", "127.0.0.1"],
      ["Forwarded", "for=127.0.0.1"],
    ],
  ],
];

export function describeAuthentication(stage: Stage): void {
  const token = (): string => (valueOf(stage.exposed.headers, "authorization") ?? "").replace(/^\S+ +/, "");
  const asStranger = (headers: HeaderList): Access => ({ ...stranger(stage.exposed), headers });

  describe("authentication", () => {
    it.each(METHODS)("%s without any is 401", async (method) => {
      const mark = freshKey();
      const answer = await exchange(asStranger([]), {
        method,
        path: `/inspect/${mark}`,
        ...(method === "GET" || method === "HEAD" ? {} : { body: "x" }),
      });
      expect(answer.status).toBe(401);
      expect(valueOf(answer.headers, "www-authenticate")).toMatch(/^Bearer/);
      expect(await seen(stage.exposed, mark)).toBe(0);
    });

    it.each(FORGED)(
      "%s lets nobody in, neither with a request nor with an upgrade",
      async (_what, headers) => {
        const mark = freshKey();
        const access = asStranger(headers(token()));
        expect((await exchange(access, { path: `/inspect/${mark}` })).status).toBe(401);
        expect((await upgradeAnswer(access, { path: `/ws/echo?${mark}` })).status).toBe(401);
        const events = [["Accept", "text/event-stream"]] as const;
        expect((await exchange(access, { path: `/hold?key=${mark}`, headers: events })).status).toBe(401);
        expect(await seen(stage.exposed, mark)).toBe(0);
      },
    );

    it.each(["token", "access_token", "authorization"])("the token as ?%s= lets nobody in", async (name) => {
      const mark = freshKey();
      const { status } = await exchange(asStranger([]), { path: `/inspect/${mark}?${name}=${token()}` });
      expect(status).toBe(401);
      expect(await seen(stage.exposed, mark)).toBe(0);
    });

    it("a stranger learns nothing about which ports are sessions'", async () => {
      const base = new URL(stage.exposed.base);
      base.pathname = base.pathname.replace(/\d+$/, "61234");
      const [live, dead] = await Promise.all([
        exchange(asStranger([]), { path: "/x" }),
        exchange({ base, headers: [] }, { path: "/x" }),
      ]);
      expect(dead.status).toBe(live.status);
      expect(dead.body.toString()).toBe(live.body.toString());
    });

    it("a stranger's upload is refused without being read", async () => {
      const answer = await exchange(asStranger([]), {
        method: "POST",
        headers: [["Content-Length", "1000000000"]],
        body: "x".repeat(65_536),
      });
      expect(answer.status).toBe(401);
    });
  });

  describe("a browser's authentication", () => {
    let browser: Access;
    beforeAll(async () => {
      browser = await stage.exposed.browser();
    });
    const cookie = (): string => valueOf(browser.headers, "cookie") ?? "";
    const refused = async (access: Access): Promise<void> => {
      const mark = freshKey();
      const answer = await exchange(access, { path: `/inspect/${mark}` });
      expect([401, 421]).toContain(answer.status);
      const upgraded = await upgradeAnswer(access, {
        path: `/ws/echo?${mark}`,
        headers: [["Origin", access.base.origin]],
      });
      expect([401, 421]).toContain(upgraded.status);
      expect(await seen(stage.exposed, mark)).toBe(0);
    };

    it("the cookie lets in", async () => {
      expect((await exchange(browser, {})).status).toBe(200);
    });

    it.each<[string, (cookie: string) => string]>([
      ["changed at its end", (value) => `${value.slice(0, -1)}${value.endsWith("a") ? "b" : "a"}`],
      ["cut", (value) => value.slice(0, -5)],
      ["without its value", (value) => `${value.split("=", 1)[0]}=`],
      ["under another name", (value) => value.replace(/^[^=]+/, "other")],
    ])("a cookie %s does not", async (_what, spoil) => {
      await refused({ base: browser.base, headers: [["Cookie", spoil(cookie())]] });
    });

    it("the cookie of the sessions' host does not let in on the console's", async () => {
      if (browser.base.host === stage.exposed.base.host) return;
      await refused({ base: stage.exposed.base, headers: browser.headers });
    });

    it("the cookie lets nobody in by a host name that is not ours", async () => {
      const mark = freshKey();
      for (const host of [
        "elsewhere.example",
        `elsewhere.example:${browser.base.port}`,
        "127.0.0.1.elsewhere.example",
      ]) {
        const answer = await exchange(browser, { path: `/inspect/${mark}`, headers: [["Host", host]] });
        expect([400, 401, 421]).toContain(answer.status);
      }
      expect(await seen(stage.exposed, mark)).toBe(0);
    });

    it("a page that is not logged in is led to the login, or told so", async () => {
      const answer = await exchange(stranger(browser), {
        path: "/inspect",
        headers: [["Accept", "text/html"]],
      });
      if (answer.status === 401) return;
      expect([302, 303, 307]).toContain(answer.status);
      const location = new URL(valueOf(answer.headers, "location") ?? "", browser.base);
      expect(location.host).toBe(stage.exposed.base.host);
      // Berth's hand-over takes the way back along.
      expect(location.searchParams.get("to") ?? location.pathname).toBe(`${prefixOf(browser)}/inspect`);
    });
  });
}
