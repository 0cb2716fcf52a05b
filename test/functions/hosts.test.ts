import { env } from "cloudflare:workers";
import { createExecutionContext, reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { BerthError } from "../../contract/problem.ts";
import { audienceOf } from "../../functions/auth/visitor.ts";
import { configOf } from "../../functions/config.ts";
import type { Env } from "../../functions/env.ts";
import { hostOfSession, hostsOf, sessionOfHost } from "../../functions/hosts.ts";
import worker from "../../functions/index.ts";
import { originOf } from "../../functions/origin.ts";
import { Browser } from "./support/browser.ts";
import { CONSOLE, problemOf, SESSIONS } from "./support/edge.ts";

afterEach(reset);

const SESSION = "s4k2m9x0v7qrt";
const OWN = `http://${SESSION}.sessions.localhost:8787`;

/** An edge as its operator has set it up. */
const edge = (settings: Partial<Record<keyof Env, string | undefined>>): Env =>
  ({ ...env, ...settings }) as Env;
const each = edge({ BERTH_SESSION_HOSTS: "each" });
const none = edge({ BERTH_SESSION_HOSTS: "none", BERTH_SESSIONS_HOST: undefined });

/** Asks the functions alone: what they send on to a workspace's object meets the settings of the tests' own. */
const askAs = (settings: Env, url: string, headers: Record<string, string> = {}, method = "GET") =>
  worker.fetch(
    new Request(url, { method, redirect: "manual", headers: { accept: "text/html", ...headers } }),
    settings,
    createExecutionContext(),
  );

const deployed = {
  BERTH_LOGIN: "header",
  BERTH_PROXY_HEADER: "x-identity",
  BERTH_PROXY_JWKS: "https://id.example.org/keys",
  BERTH_PROXY_ISSUER: "https://id.example.org",
  BERTH_PROXY_AUDIENCE: "berth",
  BERTH_CONSOLE_HOST: "console.example.org",
};

describe("the sessions' hosts", () => {
  it.each([
    [{}, "one"],
    [{ BERTH_SESSION_HOSTS: "one" }, "one"],
    [{ BERTH_SESSION_HOSTS: "each" }, "each"],
    [{ BERTH_SESSION_HOSTS: "none", BERTH_SESSIONS_HOST: undefined }, "none"],
    [{ BERTH_SESSION_HOSTS: "none", BERTH_SESSIONS_HOST: "localhost" }, "none"],
    [{ ...deployed, BERTH_SESSIONS_HOST: "sessions.example.org" }, "one"],
  ])("are what the operator has chosen: %j", (settings, hosts) => {
    expect(configOf(edge(settings)).sessionHosts).toBe(hosts);
  });

  it.each([
    [{ BERTH_SESSION_HOSTS: "both" }, /is one, each or none, not "both"/],
    [{ BERTH_SESSION_HOSTS: "" }, /is one, each or none/],
    [{ BERTH_SESSIONS_HOST: "localhost" }, /is the console's host/],
    [{ BERTH_SESSION_HOSTS: "each", BERTH_SESSIONS_HOST: "localhost" }, /is the console's host/],
    [{ BERTH_SESSION_HOSTS: "none" }, /leaves the sessions no host/],
    [{ ...deployed, BERTH_SESSIONS_HOST: undefined }, /has no BERTH_SESSIONS_HOST/],
  ])("are never the console's by an accident: %j", (settings, message) => {
    expect(() => configOf(edge(settings))).toThrow(BerthError);
    expect(() => configOf(edge(settings))).toThrow(message);
  });

  it("keep the port by which the request came", () => {
    expect(hostsOf(env, { port: "9000" })).toEqual({
      console: "localhost:9000",
      sessions: "sessions.localhost:9000",
    });
    expect(hostsOf(none, { port: "9000" })).toEqual({
      console: "localhost:9000",
      sessions: "localhost:9000",
    });
    expect(hostOfSession(env, "sessions.localhost:9000", SESSION)).toBe("sessions.localhost:9000");
    expect(hostOfSession(each, "sessions.localhost:9000", SESSION)).toBe(
      `${SESSION}.sessions.localhost:9000`,
    );
  });

  it.each([
    [OWN, SESSION],
    [`https://${SESSION}.sessions.localhost`, SESSION],
    [`http://${SESSION.toUpperCase()}.SESSIONS.localhost:8787`, SESSION],
    [SESSIONS, undefined],
    [CONSOLE, undefined],
    ["http://sessions.localhost.evil.example:8787", undefined],
    [`http://${SESSION}.localhost:8787`, undefined],
    [`http://${SESSION}sessions.localhost:8787`, undefined],
    [`http://x.${SESSION}.sessions.localhost:8787`, undefined],
    [`http://${SESSION}.sessions.localhost.:8787`, undefined],
    ["http://www.sessions.localhost:8787", undefined],
    ["http://u4k2m9x0v7qrt.sessions.localhost:8787", undefined],
    [`http://${SESSION}x.sessions.localhost:8787`, undefined],
  ])("%s is the own one of %s", (url, session) => {
    expect(sessionOfHost(each, originOf(url))).toBe(session);
    expect(sessionOfHost(env, originOf(url))).toBeUndefined();
  });

  it("are told apart, and from names that are not ours", () => {
    const audiences = (settings: Env): unknown[] =>
      [CONSOLE, SESSIONS, OWN, "http://evil.example:8787"].map((url) => audienceOf(settings, originOf(url)));
    expect(audiences(env)).toEqual(["console", "sessions", undefined, undefined]);
    expect(audiences(each)).toEqual(["console", "sessions", SESSION, undefined]);
    expect(audiences(none)).toEqual(["console", undefined, undefined, undefined]);
  });
});

describe("where each session has a host of its own", () => {
  it("the host above them leads pages to the console, and serves nothing", async () => {
    const response = await askAs(each, `${SESSIONS}/me/51458/lab?x=%2F`);
    expect([response.status, response.headers.get("location")]).toEqual([
      302,
      `${CONSOLE}/me/51458/lab?x=%2F`,
    ]);
    for (const [headers, method] of [
      [{ accept: "*/*" }, "GET"],
      [{ upgrade: "websocket", origin: SESSIONS }, "GET"],
      [{ origin: SESSIONS }, "POST"],
    ] as const)
      expect((await askAs(each, `${SESSIONS}/me/51458/`, headers, method)).status).toBe(421);
    expect((await askAs(each, `${SESSIONS}/enter?code=x`)).status).toBe(404);
  });

  it("a cookie from the time when they shared one opens nothing", async () => {
    const browser = await Browser.loggedIn();
    await browser.follow(`${SESSIONS}/me/51458/`);
    const cookie = browser.cookies("sessions.localhost:8787");
    expect(cookie).toContain("berth_session=");
    expect((await askAs(each, `${SESSIONS}/me/51458/`, { cookie })).status).toBe(302);
    expect((await askAs(each, `${SESSIONS}/me/51458/`, { cookie, accept: "*/*" })).status).toBe(421);
    expect((await askAs(each, `${SESSIONS}/wait/51458`, { cookie, accept: "*/*" })).status).toBe(421);
    expect((await askAs(each, `${OWN}/wait/51458`, { cookie, accept: "*/*" })).status).toBe(401);
  });

  it("a code is for the host that asked for it", async () => {
    const browser = await Browser.loggedIn();
    const cookie = browser.cookies("localhost:8787");
    const asked = await askAs(each, `${OWN}/me/51458/`);
    const handOver = asked.headers.get("location") ?? "";
    expect(new URL(handOver).searchParams.get("session")).toBe(SESSION);
    const [nonce = ""] = (asked.headers.getSetCookie()[0] ?? "").split(";");
    const back = async (): Promise<URL> =>
      new URL((await askAs(each, handOver, { cookie })).headers.get("location") ?? "");
    const elsewhere = await back();
    elsewhere.hostname = "s000000000000.sessions.localhost";
    const wrong = await askAs(each, elsewhere.href, { cookie: nonce });
    expect([wrong.status, wrong.headers.getSetCookie()]).toEqual([401, []]);
    const right = await askAs(each, (await back()).href, { cookie: nonce });
    expect([right.status, right.headers.get("location")]).toEqual([302, "/me/51458/"]);
    const [own = ""] = (right.headers.getSetCookie()[0] ?? "").split(";");
    // Good on that host; on another session's it is no cookie at all.
    expect((await askAs(each, `${OWN}/api/sessions`, { cookie: own, accept: "*/*" })).status).toBe(404);
    const other = OWN.replace(SESSION, "s000000000000");
    expect((await askAs(each, `${other}/api/sessions`, { cookie: own, accept: "*/*" })).status).toBe(401);
    expect((await askAs(each, `${CONSOLE}/api/sessions`, { cookie: own, accept: "*/*" })).status).toBe(401);
  });

  it.each(["", "&session=", "&session=x", "&session=s4k2m9x0v7qrt.evil", "&session=S4K2M9X0V7QRT"])(
    "the console hands nobody over to %j",
    async (session) => {
      const cookie = (await Browser.loggedIn()).cookies("localhost:8787");
      const query = `to=/me/51458/&browser=${"a".repeat(64)}${session}`;
      const response = await askAs(each, `${CONSOLE}/hand-over?${query}`, { cookie, accept: "*/*" });
      expect(await problemOf(response)).toMatchObject({ status: 400, code: "invalid_request" });
    },
  );
});

describe("where the sessions have none", () => {
  it("nobody is handed over, and the host that they had is not served", async () => {
    const cookie = (await Browser.loggedIn()).cookies("localhost:8787");
    const query = `to=/me/51458/&browser=${"a".repeat(64)}`;
    expect((await askAs(none, `${CONSOLE}/hand-over?${query}`, { cookie })).status).toBe(400);
    expect((await askAs(none, `${CONSOLE}/enter?code=x`, { cookie })).status).toBe(404);
    expect((await askAs(none, `${SESSIONS}/me/51458/`, { cookie })).status).toBe(421);
  });

  it("a stranger is sent nowhere", async () => {
    const response = await askAs(none, `${CONSOLE}/me/51458/`);
    expect([response.status, response.headers.get("location")]).toEqual([401, null]);
  });

  it("the account page says what is given up", async () => {
    const cookie = (await Browser.loggedIn()).cookies("localhost:8787");
    const said = async (settings: Env): Promise<string> =>
      (await askAs(settings, `${CONSOLE}/account`, { cookie })).text();
    expect(await said(none)).toContain("applications are not kept apart from Berth");
    expect(await said(each)).not.toContain("kept apart");
    expect(await said(env)).not.toContain("kept apart");
  });
});
