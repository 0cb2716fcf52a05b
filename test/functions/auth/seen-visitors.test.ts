import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SessionId } from "../../../contract/ids.ts";
import { LOCAL_USER } from "../../../contract/person.ts";
import { BerthError } from "../../../contract/problem.ts";
import { type Audience, type Claims, issueCookie } from "../../../functions/auth/cookie.ts";
import { forwardedVisitor, seenVisitor, type Visitor } from "../../../functions/auth/visitor.ts";
import { configOf } from "../../../functions/config.ts";
import type { Env } from "../../../functions/env.ts";
import { originOf } from "../../../functions/origin.ts";
import { SeenVisitors } from "../../../functions/auth/seen-visitors.ts";
import { Browser } from "../support/browser.ts";
import { asApi, ask, CONSOLE, SESSIONS } from "../support/edge.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const HOUR = 3_600_000;

/** A set of bindings that nobody has used before: nothing is seen under it yet. */
const edge = (settings: Partial<Record<keyof Env, string>> = {}): Env => ({ ...env, ...settings }) as Env;

const claims = (): Claims => ({
  user: LOCAL_USER,
  role: "operator",
  login: "aLogin",
  generation: 1,
  issued: Date.now(),
  expires: Date.now() + HOUR,
});

async function cookieFor(audience: Audience, secrets = env.BERTH_COOKIE_SECRET): Promise<string> {
  const set = await issueCookie(secrets, audience, claims(), { secure: false, now: Date.now() });
  return set.split(";", 1)[0] ?? "";
}

/** What is known of a request before, and what is found out. */
async function lookUp(
  address: string,
  headers: Record<string, string>,
  settings: Env,
): Promise<{ seen: Visitor | undefined; found: Visitor | string }> {
  const request = new Request(address, { headers });
  const url = originOf(request.url);
  const seen = seenVisitor(request, url, settings);
  const found = await forwardedVisitor(request, url, settings).catch((error: unknown) =>
    error instanceof BerthError ? error.message : "another error",
  );
  return { seen, found };
}

describe("who was seen before", () => {
  it("is told by the same header, a browser and a program alike", async () => {
    const settings = edge();
    for (const headers of [{ cookie: await cookieFor("sessions") }, asApi]) {
      const first = await lookUp(`${SESSIONS}/me/51458/`, headers, settings);
      const second = await lookUp(`${SESSIONS}/me/51458/x`, headers, settings);
      expect(first.seen).toBeUndefined();
      expect(second.seen).toEqual(first.found);
    }
  });

  it("is not known any more once the time in the cookie is over", async () => {
    const settings = edge();
    const headers = { cookie: await cookieFor("sessions") };
    await lookUp(SESSIONS, headers, settings);
    vi.setSystemTime(Date.now() + HOUR);
    expect(await lookUp(SESSIONS, headers, settings)).toEqual({
      seen: undefined,
      found: "this needs a login",
    });
  });

  it("is unknown where a secret was replaced", async () => {
    const settings = edge();
    const headers = { cookie: await cookieFor("sessions") };
    await lookUp(SESSIONS, headers, settings);
    const replaced = edge({ BERTH_COOKIE_SECRET: "x".repeat(32) });
    expect(await lookUp(SESSIONS, headers, replaced)).toEqual({
      seen: undefined,
      found: "this needs a login",
    });
  });

  it("is unknown on every host but this one, by this scheme and this port", async () => {
    const settings = edge({ BERTH_SESSION_HOSTS: "each" });
    const id = SessionId.parse("s4k2m9x0v7qrt");
    const cookie = await cookieFor(id);
    const own = await lookUp(`http://${id}.sessions.localhost:8787/`, { cookie }, settings);
    expect(own.found).toMatchObject({ kind: "browser", audience: id });
    const others = [
      "http://s4k2m9x0v7qrs.sessions.localhost:8787/",
      `https://${id}.sessions.localhost:8787/`,
      SESSIONS,
      CONSOLE,
    ];
    for (const other of others) {
      const { seen, found } = await lookUp(other, { cookie }, settings);
      expect([other, seen, typeof found]).toEqual([other, undefined, "string"]);
    }
  });

  it("is not told by another header that reads as theirs", async () => {
    const settings = edge();
    const cookie = await cookieFor("sessions");
    await lookUp(SESSIONS, { cookie }, settings);
    for (const authorization of [cookie, `${SESSIONS} ${cookie}`, `Bearer ${cookie}`])
      expect(await lookUp(SESSIONS, { authorization }, settings)).toEqual({
        seen: undefined,
        found: "this needs a login",
      });
    await lookUp(SESSIONS, asApi, settings);
    expect(await lookUp(SESSIONS, { cookie: asApi.authorization }, settings)).toEqual({
      seen: undefined,
      found: "this needs a login",
    });
  });

  it("goes by the token that they show, also beside a cookie that was seen", async () => {
    const settings = edge();
    const cookie = await cookieFor("sessions");
    await lookUp(SESSIONS, { cookie }, settings);
    expect((await lookUp(SESSIONS, { cookie, ...asApi }, settings)).found).toMatchObject({ kind: "program" });
    // What an application has set for itself, and sends with every request.
    const { found } = await lookUp(SESSIONS, { cookie, authorization: "token x" }, settings);
    expect(found).toMatchObject({ kind: "browser" });
  });

  it("has still to have a login: one that was ended opens nothing more", async () => {
    const browser = await Browser.loggedIn();
    const address = `${SESSIONS}/me/51458/`;
    await browser.follow(address);
    const cookie = browser.cookies("sessions.localhost:8787");
    const status = async (): Promise<number> => (await ask(address, { headers: { cookie } })).status;
    expect([await status(), await status()]).toEqual([404, 404]);
    await browser.go(`${CONSOLE}/logout`, { method: "POST", headers: { origin: CONSOLE } });
    expect(await status()).toBe(401);
  });

  it("is forgotten before they are too many, and a proof that is long is not kept at all", () => {
    const config = configOf(edge());
    const seen = new SeenVisitors();
    const visitor: Visitor = { kind: "browser", audience: "sessions", ...claims() };
    const long = "x".repeat(4097);
    seen.add(config, long, visitor);
    expect(seen.get(config, long, Date.now())).toBeUndefined();
    for (let index = 0; index <= 1024; index += 1) seen.add(config, `proof ${index}`, visitor);
    expect(seen.get(config, "proof 1024", Date.now())).toBe(visitor);
    expect(seen.get(config, "proof 0", Date.now())).toBeUndefined();
  });
});
