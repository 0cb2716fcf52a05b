import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Browser } from "../support/browser.ts";
import { asApi, ask, CONSOLE, problemOf, SESSIONS } from "../support/edge.ts";
import { FOREIGN_PATHS } from "../support/foreign-paths.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const HOST = "sessions.localhost:8787";
const later = (ms: number): void => {
  vi.setSystemTime(Date.now() + ms);
};
const leadsTo = (response: Response): string => response.headers.get("location") ?? "";

/** A browser that asks for an application; where it is sent with that. */
const asksConsole = async (browser: Browser, path = "/me/51458/"): Promise<string> =>
  leadsTo(await browser.go(SESSIONS + path));

/** …and the console's answer: the way back, with a code. */
const wayBack = async (browser: Browser, path?: string): Promise<string> =>
  leadsTo(await browser.go(await asksConsole(browser, path)));

const pathOf = (url: string): string => new URL(url).origin + new URL(url).pathname;

describe("a browser with the console's cookie", () => {
  it("is brought to the very address, path and query kept", async () => {
    const browser = await Browser.loggedIn();
    const { at, way } = await browser.follow(`${SESSIONS}/me/51458/lab/tree%20x?reset&path=%2Fa+b#top`);
    expect(at).toBe(`${SESSIONS}/me/51458/lab/tree%20x?reset&path=%2Fa+b`);
    expect(way.map(pathOf)).toEqual([
      `${SESSIONS}/me/51458/lab/tree%20x`,
      `${CONSOLE}/hand-over`,
      `${SESSIONS}/enter`,
    ]);
    // From now on without a detour.
    expect((await browser.follow(`${SESSIONS}/me/51458/`)).way).toEqual([]);
    expect((await browser.follow(`${CONSOLE}/me/51458/`)).way).toEqual([`${CONSOLE}/me/51458/`]);
  });

  it("is brought there from the console's host, too", async () => {
    const browser = await Browser.loggedIn();
    const { at, way } = await browser.follow(`${CONSOLE}/me/51458/lab?reset`);
    expect(at).toBe(`${SESSIONS}/me/51458/lab?reset`);
    expect(way.map(pathOf)).toEqual([
      `${CONSOLE}/me/51458/lab`,
      `${SESSIONS}/me/51458/lab`,
      `${CONSOLE}/hand-over`,
      `${SESSIONS}/enter`,
    ]);
  });

  it("may open several tabs at once, before any host knows it", async () => {
    const browser = await Browser.loggedIn();
    const asked = await Promise.all([1024, 1025, 1026].map((port) => asksConsole(browser, `/me/${port}/`)));
    const back = await Promise.all(asked.map(async (url) => leadsTo(await browser.go(url))));
    const entered = await Promise.all(back.map((url) => browser.go(url)));
    expect(entered.map(leadsTo)).toEqual(["/me/1024/", "/me/1025/", "/me/1026/"]);
  });

  it("asks with the same nonce again, and so keeps few", async () => {
    const browser = await Browser.loggedIn();
    const asked = [await asksConsole(browser), await asksConsole(browser), await asksConsole(browser)];
    expect(new Set(asked.map((url) => new URL(url).searchParams.get("browser"))).size).toBe(1);
  });

  it("is handed over again when its login is over and another has begun", async () => {
    const browser = await Browser.loggedIn();
    await browser.follow(`${SESSIONS}/me/51458/`);
    await browser.go(`${CONSOLE}/logout`, { method: "POST", headers: { origin: CONSOLE } });
    const { at } = await browser.follow(`${SESSIONS}/me/51458/`);
    expect(pathOf(at)).toBe(`${CONSOLE}/hand-over`);
    await browser.logIn();
    expect((await browser.follow(`${SESSIONS}/me/51458/`)).at).toBe(`${SESSIONS}/me/51458/`);
  });
});

describe("a browser without it", () => {
  it("stops at the console's login", async () => {
    const { response, at } = await new Browser().follow(`${SESSIONS}/me/51458/lab`);
    expect([response.status, pathOf(at)]).toEqual([401, `${CONSOLE}/hand-over`]);
    expect(await response.text()).toContain("Log in to Berth");
  });

  it.each([
    ["fetches", { accept: "*/*" }],
    ["frames", { "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" }],
    ["upgrades", { upgrade: "websocket", origin: SESSIONS }],
  ])("is sent nowhere when it %s", async (_what, headers) => {
    const response = await new Browser().go(`${SESSIONS}/me/51458/`, { headers });
    expect([response.status, response.headers.getSetCookie()]).toEqual([401, []]);
  });

  it("is sent nowhere with a body", async () => {
    const post = { method: "POST", headers: { origin: SESSIONS } };
    expect((await new Browser().go(`${SESSIONS}/me/51458/`, post)).status).toBe(401);
    const response = await (
      await Browser.loggedIn()
    ).go(`${CONSOLE}/me/51458/`, {
      method: "POST",
      headers: { origin: CONSOLE, accept: "*/*" },
    });
    expect(await problemOf(response)).toMatchObject({ status: 421, code: "misdirected_host" });
  });
});

describe("the code", () => {
  it("works once", async () => {
    const browser = await Browser.loggedIn();
    const back = await wayBack(browser);
    expect((await browser.go(back)).status).toBe(302);
    const again = await browser.go(back);
    expect([again.status, again.headers.getSetCookie()]).toEqual([401, []]);
  });

  it("works for one of many who use it at once", async () => {
    const browser = await Browser.loggedIn();
    const back = await wayBack(browser);
    const answers = await Promise.all(Array.from({ length: 8 }, () => browser.go(back)));
    expect(answers.filter(({ status }) => status === 302)).toHaveLength(1);
  });

  it("works for half a minute", async () => {
    vi.setSystemTime(Date.now());
    const browser = await Browser.loggedIn();
    const [early, late] = [await wayBack(browser), await wayBack(browser)];
    later(29_000);
    expect((await browser.go(early)).status).toBe(302);
    later(2_000);
    expect((await browser.go(late)).status).toBe(401);
  });

  it("is not used by whoever only looks where it leads", async () => {
    const browser = await Browser.loggedIn();
    const back = await wayBack(browser);
    const preview = await browser.go(back, { method: "HEAD" });
    expect([preview.status, preview.headers.getSetCookie()]).toEqual([204, []]);
    expect((await browser.go(back)).status).toBe(302);
  });

  it("is no other browser's: in a link it logs nobody in as whom it was made for", async () => {
    const back = await wayBack(await Browser.loggedIn());
    // One that has never been there, and one that is on its own way.
    const [fresh, other] = [new Browser(), new Browser()];
    await asksConsole(other);
    expect(await problemOf(await fresh.go(back, { headers: { accept: "*/*" } }))).toMatchObject({
      status: 400,
      code: "cookies_refused",
    });
    const response = await other.go(back);
    expect([response.status, response.headers.getSetCookie()]).toEqual([401, []]);
    expect(other.cookies(HOST)).not.toContain("berth_session=");
  });

  it("is used up by another browser's attempt", async () => {
    const [browser, other] = [await Browser.loggedIn(), new Browser()];
    const back = await wayBack(browser);
    await asksConsole(other);
    expect((await other.go(back)).status).toBe(401);
    expect((await browser.go(back)).status).toBe(401);
  });

  it("is used up by one that has kept no cookie: its address is left in the history of that host's pages", async () => {
    const browser = await Browser.loggedIn();
    const back = await wayBack(browser);
    expect((await new Browser().go(back)).status).toBe(400);
    expect((await browser.go(back)).status).toBe(401);
  });

  it("leads to the path that it was made for, whatever else the address says", async () => {
    const browser = await Browser.loggedIn();
    const back = await wayBack(browser, "/me/51458/lab?a=1");
    const response = await browser.go(`${back}&to=/me/1024/&to=//evil.example`);
    expect([response.status, leadsTo(response)]).toEqual([302, "/me/51458/lab?a=1"]);
  });

  it.each(FOREIGN_PATHS)("made for %j leads to the front page instead", async (to) => {
    const browser = await Browser.loggedIn();
    const asked = new URL(await asksConsole(browser));
    asked.searchParams.set("to", to);
    const response = await browser.go(leadsTo(await browser.go(asked.href)));
    expect([response.status, leadsTo(response)]).toEqual([302, "/"]);
  });

  it("is no login, and works on the applications' host alone", async () => {
    const browser = await Browser.loggedIn();
    const back = await wayBack(browser);
    const code = new URL(back).searchParams.get("code");
    expect((await browser.go(`${CONSOLE}/login?code=${code}`)).status).toBe(401);
    expect((await browser.go(`${CONSOLE}/enter?code=${code}`)).status).toBe(404);
    expect((await browser.go(back)).status).toBe(302);
  });

  it("of a login that has ended in between is none", async () => {
    const browser = await Browser.loggedIn();
    const back = await wayBack(browser);
    await browser.go(`${CONSOLE}/logout`, { method: "POST", headers: { origin: CONSOLE } });
    const response = await browser.go(back);
    expect([response.status, response.headers.getSetCookie()]).toEqual([401, []]);
  });

  it("opens what the login at the console opens, as long", async () => {
    const browser = await Browser.loggedIn();
    const entered = await browser.go(await wayBack(browser));
    const [cookie = ""] = entered.headers.getSetCookie();
    expect(Number(/Max-Age=(\d+)/.exec(cookie)?.[1])).toBeGreaterThan(29 * 86_400);
    expect(browser.cookies(HOST)).toContain("berth_session=");
  });
});

describe("a browser that keeps no cookie on the applications' host", () => {
  it("is told so, rather than sent round and round", async () => {
    const browser = await Browser.loggedIn({ refusing: HOST });
    const { response, at, way } = await browser.follow(`${SESSIONS}/me/51458/`);
    expect([response.status, pathOf(at), way.length]).toEqual([400, `${SESSIONS}/enter`, 2]);
    const page = await response.text();
    expect(page).toContain("The browser keeps no cookie here");
    // The console is on the other host.
    expect(page).toContain(`href="${CONSOLE}/"`);
  });
});

describe("the console hands over", () => {
  it.each([
    "",
    "?to=/me/51458/",
    "?to=/me/51458/&browser=",
    "?to=/me/51458/&browser=abc",
    `?to=/me/51458/&browser=${"g".repeat(64)}`,
    // Sessions share a host here; none has its own.
    `?to=/me/51458/&browser=${"a".repeat(64)}&session=s000000000000`,
  ])("to nobody who asks %j", async (query) => {
    const response = await (await Browser.loggedIn()).go(`${CONSOLE}/hand-over${query}`);
    expect([response.status, response.headers.get("location")]).toEqual([400, null]);
  });

  it("no program", async () => {
    const response = await ask(`${CONSOLE}/hand-over?to=/me/51458/&browser=${"a".repeat(64)}`, {
      headers: asApi,
    });
    expect(await problemOf(response)).toMatchObject({ status: 400 });
  });

  it.each([
    { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" },
    { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image" },
    { "sec-fetch-site": "same-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe" },
  ])("to no page that is not the tab's own: %j", async (headers) => {
    const browser = await Browser.loggedIn();
    const response = await browser.go(await asksConsole(browser), { headers });
    expect([response.status, response.headers.get("location")]).toEqual([403, null]);
  });

  it("without a trace in a cache, a referrer, or a window that somebody else holds", async () => {
    const browser = await Browser.loggedIn();
    const asking = await browser.go(`${SESSIONS}/me/51458/`);
    const handing = await browser.go(leadsTo(asking));
    const entering = await browser.go(leadsTo(handing));
    for (const { headers } of [asking, handing, entering]) {
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    }
  });
});
