import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, it, vi } from "vitest";
import { Browser, loginLink } from "../support/browser.ts";
import { api, asApi, ask, CONSOLE, problemOf, SESSIONS, workspace } from "../support/edge.ts";
import { FOREIGN_PATHS } from "../support/foreign-paths.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const MINUTE = 60_000;

const later = (ms: number): void => {
  vi.setSystemTime(Date.now() + ms);
};

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

it("is not used by whoever only looks where it leads", async () => {
  const link = await loginLink();
  const preview = await ask(link, { method: "HEAD" });
  expect([preview.status, preview.headers.getSetCookie()]).toEqual([204, []]);
  expect((await ask(link)).status).toBe(302);
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
    JSON.stringify(storage.sql.exec("SELECT * FROM one_time_codes").toArray()),
  );
  expect(code.length).toBeGreaterThan(80);
  expect(kept).toContain('"login"');
  expect(kept).not.toContain(code);
});

it.each(["", "?code=", "?code=x", "?code=%00", `?code=${"a".repeat(10_000)}`])("is not %s", async (query) => {
  const response = await ask(`${CONSOLE}/login${query}`);
  expect([response.status, response.headers.getSetCookie()]).toEqual([401, []]);
});

it("is not altered by one character", async () => {
  const link = await loginLink();
  const code = new URL(link).searchParams.get("code") ?? "";
  for (const at of [0, 20, code.indexOf(".") + 1, code.length - 1]) {
    const other = code.slice(0, at) + (code[at] === "A" ? "B" : "A") + code.slice(at + 1);
    expect((await ask(`${CONSOLE}/login?code=${other}`)).status).toBe(401);
  }
  expect((await ask(link)).status).toBe(302);
});

it("is no hand-over, and works on the console's host alone", async () => {
  const browser = await Browser.loggedIn();
  await browser.go(`${SESSIONS}/me/51458/`);
  const link = await loginLink();
  const code = new URL(link).searchParams.get("code");
  expect((await ask(`${SESSIONS}/login?code=${code}`)).status).toBe(404);
  expect((await ask(`${CONSOLE}/enter?code=${code}`)).status).toBe(404);
  const entering = await browser.go(`${SESSIONS}/enter?code=${code}`);
  expect([entering.status, entering.headers.getSetCookie()]).toEqual([401, []]);
  expect((await ask(link)).status).toBe(302);
});

it.each(FOREIGN_PATHS)("to %j leads to the front page instead", async (to) => {
  const response = await ask(`${await loginLink()}&to=${encodeURIComponent(to)}`);
  expect([response.status, response.headers.get("location")]).toEqual([302, "/"]);
});

it("is kept by no cache and told to no other site", async () => {
  const response = await ask(await loginLink());
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("referrer-policy")).toBe("same-origin");
});

it("names the host and the port by which it was asked for", async () => {
  const response = await ask("http://localhost:9000/api/login-links", { method: "POST", headers: asApi });
  expect((await response.json<{ url: string }>()).url).toMatch(/^http:\/\/localhost:9000\/login\?code=/);
  expect((await api("GET", "/api/agent")).status).toBe(200);
});
