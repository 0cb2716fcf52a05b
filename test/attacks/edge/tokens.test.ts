import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { SessionId } from "../../../contract/ids.ts";
import type { Claims } from "../../../functions/auth/cookie.ts";
import { open, sign } from "../../../functions/auth/signed.ts";
import { ask, CONSOLE } from "../../functions/support/edge.ts";
import { Household } from "../../functions/support/household.ts";
import { originOfSession } from "../../functions/support/sharing.ts";

let ana: Household;
let ben: Household;
let cookie: string;
let claims: Claims;

beforeAll(async () => {
  [ana, ben] = [await Household.of("ana", 51_458), await Household.of("ben", 51_459)];
  cookie = (await ana.browser()).cookies("localhost:8787").replace(/^berth=/, "");
  claims = (await open(env.BERTH_COOKIE_SECRET, "console", cookie)) as Claims;
});
afterAll(async () => {
  await ana[Symbol.asyncDispose]();
  await ben[Symbol.asyncDispose]();
  await reset();
});

const base64 = (value: unknown): string =>
  new TextEncoder().encode(JSON.stringify(value)).toBase64({ alphabet: "base64url", omitPadding: true });

const withCookie = async (text: string, host = CONSOLE): Promise<number> =>
  (await ask(`${host}/wait/1024`, { headers: { cookie: text, accept: "*/*" } })).status;
const withBearer = async (token: string): Promise<number> =>
  (await ask(`${CONSOLE}/api/me`, { headers: { authorization: `Bearer ${token}` } })).status;

describe("a token that says how it is signed", () => {
  it.each([
    { alg: "none" },
    { alg: "None", typ: "JWT" },
    { alg: "HS256", typ: "JWT" },
    { alg: "HS256", kid: "../../dev/null" },
    { alg: "RS256", jku: "https://evil.example/keys" },
  ])("is none: %j", async (header) => {
    const body = base64(claims);
    for (const mac of ["", ".", "AAAA", "A".repeat(43)])
      for (const text of [`${base64(header)}.${body}.${mac}`, `${body}.${mac}`, `berth_api_${body}.${mac}`]) {
        expect(await withCookie(`berth=${text}`)).toBe(401);
        expect(await withBearer(text)).toBe(401);
      }
  });
});

it("what is shown for sessions that anybody may name leaves nothing in the edge's memory", async () => {
  const set = vi.spyOn(Map.prototype, "set");
  try {
    for (let id = 0; id < 100; id += 1) {
      const purpose = `session ${SessionId.parse(`s${String(id).padStart(12, "0")}`)}` as const;
      expect(await open(env.BERTH_COOKIE_SECRET, purpose, "x")).toBeUndefined();
      expect(await open(env.BERTH_COOKIE_SECRET, purpose, cookie)).toBeUndefined();
    }
    expect(set.mock.calls.filter(([key]) => String(key).startsWith("session s0"))).toEqual([]);
  } finally {
    set.mockRestore();
  }
});

describe("what is well signed", () => {
  it("for one purpose is none for another", async () => {
    for (const purpose of ["sessions", "share", "login", "code", "api-token", "agent-token"] as const) {
      const text = await sign(env.BERTH_COOKIE_SECRET, purpose, claims);
      expect([purpose, await withCookie(`berth=${text}`)]).toEqual([purpose, 401]);
    }
    for (const purpose of ["console", "sessions", "code", "agent-token"] as const) {
      const text = await sign(env.BERTH_COOKIE_SECRET, purpose, {
        user: ana.somebody.id,
        id: "x",
        nonce: "x",
      });
      for (const prefix of ["berth_api_", "berth_agent_", ""])
        expect([purpose, await withBearer(prefix + text)]).toEqual([purpose, 401]);
    }
  });

  it("for one session's host is none for another's, nor for the console", async () => {
    const browser = await ana.browser();
    const host = originOfSession(ana.session.id);
    await browser.follow(`${host}/me/1024/`);
    const value = browser.cookies(new URL(host).host).replace(/^.*?=/, "");
    expect(value).not.toBe("");
    for (const other of [originOfSession(ben.session.id), CONSOLE, "http://sessions.localhost:8787"])
      for (const name of ["berth", "berth_session"])
        expect([401, 421]).toContain(await withCookie(`${name}=${value}`, other));
  });

  it("of a login that is over is none, also when it says another end", async () => {
    const over = { ...claims, expires: Date.now() - 1 };
    expect(await withCookie(`berth=${await sign(env.BERTH_COOKIE_SECRET, "console", over)}`)).toBe(401);
    const other = { ...claims, login: "never-was", expires: Date.now() + 1e12 };
    expect(await withCookie(`berth=${await sign(env.BERTH_COOKIE_SECRET, "console", other)}`)).toBe(401);
  });

  it("for one user opens no other's workspace, whoever is named beside it", async () => {
    const headers = { ...ben.program.headers, cookie: `berth=${cookie}`, "berth-user": ana.somebody.id };
    const response = await ask(`${CONSOLE}/api/me?user=${ana.somebody.id}`, { headers });
    expect(await response.json()).toMatchObject({ user: ben.somebody.id });
  });
});

describe("cookies of one name", () => {
  it("that an application has planted hide the good one nowhere, and open nothing", async () => {
    for (const planted of ["x", "a.b", "", `${base64(claims)}.${"A".repeat(43)}`, "x".repeat(5000)]) {
      expect(await withCookie(`berth=${planted}; berth=${cookie}`)).toBe(404);
      expect(await withCookie(`berth=${cookie}; berth=${planted}`)).toBe(404);
      expect(await withCookie(`berth=${planted}; Berth=${cookie}; berth =${planted}`)).toBe(401);
    }
    expect(await withCookie(Array.from({ length: 500 }, () => "berth=x.y").join("; "))).toBe(401);
  });
});
