import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { issueCookie } from "../../../functions/auth/cookie.ts";
import { Browser, loginLink } from "../support/browser.ts";
import { api, asApi, ask, CONSOLE, problemOf, SESSIONS, workspace } from "../support/edge.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const MINUTE = 60_000;
const DAY = 86_400_000;
const now = { secure: false, now: Date.now() };

const later = (ms: number): void => {
  vi.setSystemTime(Date.now() + ms);
};

/** What an audience's host says to a Cookie header; `/wait` is the one route that both hosts have. */
const withCookie = async (origin: string, cookie: string): Promise<number> =>
  (await ask(`${origin}/wait/51458`, { headers: { cookie } })).status;

describe("a login link", () => {
  it("leads to the console, which is then open", async () => {
    const browser = new Browser();
    const { response, at } = await browser.follow(await loginLink());
    expect([response.status, at]).toEqual([200, `${CONSOLE}/`]);
  });

  it("works once", async () => {
    const link = await loginLink();
    expect((await ask(link)).status).toBe(302);
    const again = await ask(link);
    expect(again.headers.getSetCookie()).toEqual([]);
    expect(await problemOf(again)).toMatchObject({ status: 401, code: "unauthorized" });
  });

  it("works for one of many who follow it at once", async () => {
    const link = await loginLink();
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(link)));
    expect(answers.filter(({ status }) => status === 302)).toHaveLength(1);
  });

  it("works for ten minutes", async () => {
    const [early, late] = [await loginLink(), await loginLink()];
    later(9 * MINUTE);
    expect((await ask(early)).status).toBe(302);
    later(2 * MINUTE);
    expect((await ask(late)).status).toBe(401);
  });

  it("survives the object's eviction", async () => {
    const link = await loginLink();
    await evictDurableObject(workspace());
    expect((await ask(link)).status).toBe(302);
  });

  it("is nowhere written down", async () => {
    const code = new URL(await loginLink()).searchParams.get("code") ?? "";
    const kept = await runInDurableObject(workspace(), (_instance, { storage }) =>
      JSON.stringify(storage.sql.exec("SELECT * FROM codes").toArray()),
    );
    expect(code).toHaveLength(43);
    expect(kept).not.toContain(code);
  });

  it.each(["", "?code=", "?code=x", "?code=%00", `?code=${"a".repeat(10_000)}`])(
    "is not %s",
    async (query) => {
      const response = await ask(`${CONSOLE}/login${query}`);
      expect([response.status, response.headers.getSetCookie()]).toEqual([401, []]);
    },
  );

  it("is no hand-over, and works on the console's host alone", async () => {
    const link = await loginLink();
    const code = new URL(link).searchParams.get("code");
    expect((await ask(`${SESSIONS}/login?code=${code}`)).status).toBe(404);
    expect((await ask(`${SESSIONS}/enter?code=${code}`)).status).toBe(401);
    expect((await ask(`${CONSOLE}/enter?code=${code}`)).status).toBe(404);
    expect((await ask(link)).status).toBe(302);
  });

  it("is kept by no cache and told to no other site", async () => {
    const response = await ask(await loginLink());
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("referrer-policy")).toBe("same-origin");
  });

  it("names the host and the port by which it was asked for", async () => {
    const response = await ask("http://localhost:9000/api/login-links", { method: "POST", headers: asApi });
    expect((await response.json<{ url: string }>()).url).toMatch(/^http:\/\/localhost:9000\/login\?code=/);
  });
});

describe("a hand-over to the applications' host", () => {
  const code = async (browser: Browser): Promise<string> => {
    const response = await browser.go(`${CONSOLE}/me/51458/`);
    return new URL(response.headers.get("location") ?? "").searchParams.get("code") ?? "";
  };

  it("brings a browser with the console's cookie to the very address, path and query kept", async () => {
    const browser = await Browser.loggedIn();
    const { at, way } = await browser.follow(`${SESSIONS}/me/51458/lab/tree%20x?reset&path=%2Fa+b#top`);
    expect(at).toBe(`${SESSIONS}/me/51458/lab/tree%20x?reset&path=%2Fa+b`);
    expect(way.map((url) => new URL(url).origin + new URL(url).pathname)).toEqual([
      `${SESSIONS}/me/51458/lab/tree%20x`,
      `${CONSOLE}/me/51458/lab/tree%20x`,
      `${SESSIONS}/enter`,
    ]);
    // From now on without a detour.
    expect((await browser.follow(`${SESSIONS}/me/51458/`)).way).toEqual([]);
  });

  it("stops at the login of the console for a browser that has none", async () => {
    const { response, at } = await new Browser().follow(`${SESSIONS}/me/51458/lab`);
    expect([response.status, at]).toEqual([401, `${CONSOLE}/me/51458/lab`]);
  });

  it("works once, for half a minute", async () => {
    const browser = await Browser.loggedIn();
    const [first, second] = [await code(browser), await code(browser)];
    expect((await ask(`${SESSIONS}/enter?code=${first}&to=/`)).status).toBe(302);
    expect((await ask(`${SESSIONS}/enter?code=${first}&to=/`)).status).toBe(401);
    later(MINUTE);
    expect((await ask(`${SESSIONS}/enter?code=${second}&to=/`)).status).toBe(401);
  });

  it("is no login", async () => {
    const stolen = await code(await Browser.loggedIn());
    expect((await ask(`${CONSOLE}/login?code=${stolen}`)).status).toBe(401);
  });

  it("is for requests that can be repeated elsewhere", async () => {
    const browser = await Browser.loggedIn();
    const response = await browser.go(`${CONSOLE}/me/51458/`, {
      method: "POST",
      headers: { origin: CONSOLE, accept: "*/*" },
    });
    expect(await problemOf(response)).toMatchObject({ status: 421, code: "misdirected_host" });
  });

  it.each([
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "evil.example",
    "/\tevil",
    "/\t/evil.example",
    "/a\r\nset-cookie: berth=1",
    "/a b",
    "/a\\..\\..\\b",
    "/\u2028",
    "",
  ])("to %j goes to the front page instead", async (to) => {
    for (const [origin, path, fresh] of [
      [SESSIONS, "enter", await code(await Browser.loggedIn())],
      [CONSOLE, "login", new URL(await loginLink()).searchParams.get("code")],
    ] as const) {
      const response = await ask(`${origin}/${path}?code=${fresh}&to=${encodeURIComponent(to)}`);
      expect([response.status, response.headers.get("location")]).toEqual([302, "/"]);
    }
  });
});

describe("a cookie", () => {
  it("of either host is for that host, hidden from scripts, and not sent along by other sites", async () => {
    const atConsole = (await ask(await loginLink())).headers.getSetCookie();
    expect(atConsole).toEqual([
      expect.stringMatching(/^berth=\d+\.[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/),
    ]);
    const browser = await Browser.loggedIn();
    const enter = (await browser.go(`${CONSOLE}/me/51458/`)).headers.get("location") ?? "";
    expect((await ask(enter)).headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^berth_session=\d+\.[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax$/,
      ),
    ]);
  });

  it("over HTTPS is held to its host by the browser itself", async () => {
    const link = (await loginLink()).replace("http:", "https:");
    const [cookie = ""] = (await ask(link)).headers.getSetCookie();
    expect(cookie).toMatch(/^__Host-berth=.*; Path=\/; .*; Secure$/);
    expect(cookie).not.toContain("Domain");
    const [pair = ""] = cookie.split(";");
    expect((await ask("https://localhost:8787/api/agent", { headers: { cookie: pair } })).status).toBe(200);
    expect((await ask(`${CONSOLE}/api/agent`, { headers: { cookie: pair } })).status).toBe(401);
  });

  it("is good on its own host, under its own name", async () => {
    const value = async (audience: "console" | "sessions"): Promise<string> =>
      (await issueCookie(audience, env.BERTH_COOKIE_SECRET, now)).replace(/^.*?=(.*?);.*$/, "$1");
    const [ofConsole, ofSessions] = [await value("console"), await value("sessions")];
    // 404 is what an open door says of a port that no session has.
    expect(await withCookie(CONSOLE, `berth=${ofConsole}`)).toBe(404);
    expect(await withCookie(SESSIONS, `berth_session=${ofSessions}`)).toBe(404);
    for (const name of ["berth", "berth_session"]) {
      expect(await withCookie(CONSOLE, `${name}=${ofSessions}`)).toBe(401);
      expect(await withCookie(SESSIONS, `${name}=${ofConsole}`)).toBe(401);
    }
    expect(await withCookie(CONSOLE, `berth_session=${ofConsole}`)).toBe(401);
  });

  it("that was altered is none", async () => {
    const cookie = (await Browser.loggedIn()).cookies("localhost:8787");
    const [expires = "", mac = ""] = cookie.replace("berth=", "").split(".");
    const altered = [
      `${Number(expires) + 1}.${mac}`,
      `${expires}.${mac.startsWith("A") ? "B" : "A"}${mac.slice(1)}`,
      `${expires}.${mac.slice(0, -1)}`,
      `${expires}.`,
      expires,
      `.${mac}`,
      `0${expires}.${mac}`,
      `9e9.${mac}`,
      "",
    ];
    for (const value of altered) expect(await withCookie(CONSOLE, `berth=${value}`)).toBe(401);
    expect(await withCookie(CONSOLE, cookie)).toBe(404);
  });

  it("that another secret signed is none", async () => {
    const foreign = await issueCookie("console", `${env.BERTH_COOKIE_SECRET}x`, now);
    expect(await withCookie(CONSOLE, foreign.split(";", 1)[0] ?? "")).toBe(401);
  });

  it("is good for thirty days, also when it was seen before", async () => {
    const cookie = (await Browser.loggedIn()).cookies("localhost:8787");
    later(29 * DAY);
    expect(await withCookie(CONSOLE, cookie)).toBe(404);
    later(2 * DAY);
    expect(await withCookie(CONSOLE, cookie)).toBe(401);
  });

  it("counts among others of its name, which an application may have set", async () => {
    const cookie = (await Browser.loggedIn()).cookies("localhost:8787");
    expect(await withCookie(CONSOLE, `berth=forged; ${cookie}`)).toBe(404);
    expect(await withCookie(CONSOLE, `a=1; ${cookie}; berth=; b=2`)).toBe(404);
    expect(await withCookie(CONSOLE, "berth=forged; berth=forged")).toBe(401);
  });

  it("is gone after the logout", async () => {
    const browser = await Browser.loggedIn();
    const response = await browser.go(`${CONSOLE}/logout`, { method: "POST", headers: { origin: CONSOLE } });
    expect([response.status, response.headers.get("location")]).toEqual([303, "/"]);
    expect(browser.cookies("localhost:8787")).toBe("");
    expect((await browser.go(CONSOLE)).status).toBe(401);
  });
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
    expect((await api("GET", "/api/agent", { headers: { authorization } })).status).toBe(401);
  });

  it("is good on either host, and needs no Origin", async () => {
    for (const origin of [CONSOLE, SESSIONS]) {
      expect((await ask(`${origin}/api/agent`, { headers: asApi })).status).toBe(200);
      expect((await ask(`${origin}/me/51458/`, { headers: asApi })).status).toBe(404);
    }
  });
});
