import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SessionId } from "../../../contract/ids.ts";
import { LOCAL_USER } from "../../../contract/person.ts";
import { type Audience, type Claims, issueCookie, readCookie } from "../../../functions/auth/cookie.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { Browser, loginLink } from "../support/browser.ts";
import { api, asApi, ask, CONSOLE, SESSIONS } from "../support/edge.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const SECRET = env.BERTH_COOKIE_SECRET;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const later = (ms: number): void => {
  vi.setSystemTime(Date.now() + ms);
};

/** What an audience's host says to a Cookie header; `/wait` is the one route that both hosts have. */
const withCookie = async (origin: string, cookie: string): Promise<number> =>
  (await ask(`${origin}/wait/51458`, { headers: { cookie } })).status;

/** 404 is what an open door says of a port that no session has. */
const OPEN = 404;
const CLOSED = 401;

/** A login, as its cookies say it. */
async function claims(): Promise<Claims> {
  const code = new URL(await loginLink()).searchParams.get("code") ?? "";
  const access = partOf(env, LOCAL_USER, "access");
  const taken = await access.takeLoginLink(code, { agent: "a browser", from: null });
  if (taken === null) throw new Error("the link is not good");
  return taken;
}

const valueFor = async (audience: Audience, said: Claims, secret = SECRET): Promise<string> => {
  const cookie = await issueCookie(secret, audience, said, { secure: false, now: Date.now() });
  return cookie.replace(/^.*?=(.*?);.*$/, "$1");
};

const [ONE, OTHER] = ["s4k2m9x0v7qrt", "s4k2m9x0v7qrs"].map((id) => SessionId.parse(id));
const AUDIENCES = ["console", "sessions", ONE, OTHER].filter((each) => each !== undefined) as Audience[];

it("of either host is for that host, hidden from scripts, and not sent along by other sites", async () => {
  const browser = new Browser();
  const hop = async (url: string): Promise<{ to: string; set: string[] }> => {
    const { headers } = await browser.go(url);
    return { to: headers.get("location") ?? "", set: headers.getSetCookie() };
  };
  const rest = /; Path=\/; Max-Age=(\d+); HttpOnly; SameSite=Lax$/.source;
  const login = await hop(await loginLink());
  const asking = await hop(`${SESSIONS}/me/51458/`);
  const entering = await hop((await hop(asking.to)).to);
  const signed = /=[\w-]+\.[\w-]{43}/.source;
  expect([login.set, asking.set, entering.set]).toEqual([
    [expect.stringMatching(new RegExp(`^berth${signed}${rest}`))],
    [expect.stringMatching(new RegExp(`^berth_entering_[0-9a-f]{8}=[\\w-]{43}${rest}`))],
    [expect.stringMatching(new RegExp(`^berth_session${signed}${rest}`))],
  ]);
});

it("over HTTPS is held to its host by the browser itself", async () => {
  const link = (await loginLink()).replace("http:", "https:");
  const [cookie = ""] = (await ask(link)).headers.getSetCookie();
  expect(cookie).toMatch(/^__Host-[\w-]*berth=.*; Path=\/; .*; Secure$/);
  expect(cookie).not.toContain("Domain");
  const [pair = ""] = cookie.split(";");
  expect((await ask("https://localhost:8787/api/agent", { headers: { cookie: pair } })).status).toBe(200);
  expect((await ask(`${CONSOLE}/api/agent`, { headers: { cookie: pair } })).status).toBe(CLOSED);
  // What a page without TLS was made to set, in the name that holds there.
  const plain = pair.replace(/^__Host-[\w-]*berth=/, "berth=");
  expect((await ask("https://localhost:8787/api/agent", { headers: { cookie: plain } })).status).toBe(CLOSED);
});

it("is good on its own host, under its own name", async () => {
  const said = await claims();
  const [ofConsole, ofSessions] = [await valueFor("console", said), await valueFor("sessions", said)];
  expect(await withCookie(CONSOLE, `berth=${ofConsole}`)).toBe(OPEN);
  expect(await withCookie(SESSIONS, `berth_session=${ofSessions}`)).toBe(OPEN);
  for (const name of ["berth", "berth_session"]) {
    expect(await withCookie(CONSOLE, `${name}=${ofSessions}`)).toBe(CLOSED);
    expect(await withCookie(SESSIONS, `${name}=${ofConsole}`)).toBe(CLOSED);
  }
  expect(await withCookie(CONSOLE, `berth_session=${ofConsole}`)).toBe(CLOSED);
});

it("is good for the one audience that it was signed for, each session's own host among them", async () => {
  const said = await claims();
  const moment = { secure: false, now: Date.now() };
  for (const signedFor of AUDIENCES)
    for (const shownTo of AUDIENCES) {
      const value = await valueFor(signedFor, said);
      // Under the name that this host looks at.
      const name = shownTo === "console" ? "berth" : "berth_session";
      const read = await readCookie(SECRET, shownTo, `${name}=${value}`, moment);
      expect([signedFor, shownTo, read]).toEqual([
        signedFor,
        shownTo,
        signedFor === shownTo ? said : undefined,
      ]);
    }
});

it("that was altered is none", async () => {
  const cookie = (await Browser.loggedIn()).cookies("localhost:8787");
  const [text = "", mac = ""] = cookie.replace("berth=", "").split(".");
  const said = JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/"))) as Claims;
  const spell = (changes: Partial<Claims>): string =>
    btoa(JSON.stringify({ ...said, ...changes })).replaceAll(/[+/=]/g, (sign) =>
      sign === "+" ? "-" : sign === "/" ? "_" : "",
    );
  const altered = [
    `${spell({ expires: said.expires + 1 })}.${mac}`,
    `${spell({ login: "another" })}.${mac}`,
    `${text}.${mac.startsWith("A") ? "B" : "A"}${mac.slice(1)}`,
    `${text}.${mac.slice(0, -1)}`,
    `${text}.`,
    text,
    `.${mac}`,
    `${text}=.${mac}`,
    `${text}.${mac}.${mac}`,
    `"${text}.${mac}"`,
    "",
  ];
  for (const value of altered) expect(await withCookie(CONSOLE, `berth=${value}`)).toBe(CLOSED);
  expect(await withCookie(CONSOLE, cookie)).toBe(OPEN);
});

it("that another secret signed is none; one of several secrets is enough, so that one can be replaced", async () => {
  const said = await claims();
  const foreign = await valueFor("console", said, `${SECRET}x`);
  expect(await withCookie(CONSOLE, `berth=${foreign}`)).toBe(CLOSED);
  const moment = { secure: false, now: Date.now() };
  const read = (secrets: string): Promise<Claims | undefined> =>
    readCookie(secrets, "console", `berth=${foreign}`, moment);
  expect(await read(`newest ${SECRET}x`)).toEqual(said);
  expect(await read("newest")).toBeUndefined();
});

it("that is well signed, of a login that never was, is none", async () => {
  const value = await valueFor("console", { ...(await claims()), login: "another" });
  expect(await withCookie(CONSOLE, `berth=${value}`)).toBe(CLOSED);
});

it("is good for thirty days, also when it was seen before", async () => {
  const cookie = (await Browser.loggedIn()).cookies("localhost:8787");
  later(29 * DAY);
  expect(await withCookie(CONSOLE, cookie)).toBe(OPEN);
  later(2 * DAY);
  expect(await withCookie(CONSOLE, cookie)).toBe(CLOSED);
});

it("counts among others of its name, which an application may have set", async () => {
  const cookie = (await Browser.loggedIn()).cookies("localhost:8787");
  expect(await withCookie(CONSOLE, `berth=forged; ${cookie}`)).toBe(OPEN);
  expect(await withCookie(CONSOLE, `a=1; ${cookie}; berth=; b=2`)).toBe(OPEN);
  expect(await withCookie(CONSOLE, "berth=forged; berth=forged")).toBe(CLOSED);
});

it("is gone after the logout, on every host", async () => {
  const browser = await Browser.loggedIn();
  await browser.follow(`${SESSIONS}/me/51458/`);
  const atSessions = browser.cookies("sessions.localhost:8787");
  const response = await browser.go(`${CONSOLE}/logout`, { method: "POST", headers: { origin: CONSOLE } });
  expect([response.status, response.headers.get("location")]).toEqual([303, "/"]);
  expect(browser.cookies("localhost:8787")).toBe("");
  expect((await browser.go(CONSOLE)).status).toBe(CLOSED);
  expect(await withCookie(SESSIONS, atSessions)).toBe(CLOSED);
});

describe("a bearer token", () => {
  it.each([
    "",
    "Bearer",
    "Bearer ",
    "Basic x",
    "Bearer x",
    "Bearer undefined",
    `Token ${env.BERTH_API_TOKEN}`,
  ])("is not %j", async (authorization) => {
    expect((await api("GET", "/api/agent", { headers: { authorization } })).status).toBe(CLOSED);
  });

  it("is good on either host, and needs no Origin", async () => {
    for (const origin of [CONSOLE, SESSIONS]) {
      expect((await ask(`${origin}/api/agent`, { headers: asApi })).status).toBe(200);
      expect((await ask(`${origin}/me/51458/`, { headers: asApi })).status).toBe(OPEN);
    }
  });
});
