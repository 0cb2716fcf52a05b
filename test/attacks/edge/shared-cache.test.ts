import { reset } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, CONSOLE, SESSIONS } from "../../functions/support/edge.ts";
import { Household } from "../../functions/support/household.ts";
import { documented, routed } from "../../functions/support/route-classes.ts";

let ana: Household;
beforeAll(async () => {
  ana = await Household.of("ana", 51_458);
});
afterAll(async () => {
  await ana[Symbol.asyncDispose]();
  await reset();
});

/** What a cache that many share may not keep (RFC 9111, section 3). */
const KEPT_BY_NONE = /^no-store$|^private(?:,|$)/;

const paths = [
  ...new Set([...documented, ...routed].filter(({ method }) => method === "GET").map(({ path }) => path)),
]
  .filter(
    (path) => !path.includes("*") && !/^\/(?:healthz|assets|agent)/.test(path) && !/^\/s?me\//.test(path),
  )
  .map((path) => path.replaceAll(/\{\w+\}/g, "s000000000000"));

describe("an answer to somebody", () => {
  it.each(paths)("is kept by no shared cache: %s", async (path) => {
    const browser = await ana.browser();
    const asNobody = await ask(CONSOLE + path, { headers: { accept: "text/html" } });
    const asBrowser = await browser.go(CONSOLE + path);
    const asProgram = await ana.ask("GET", path);
    for (const response of [asNobody, asBrowser, asProgram]) {
      await response.body?.cancel();
      expect(response.headers.get("cache-control")).toMatch(KEPT_BY_NONE);
    }
  });

  it.each([
    undefined,
    "public, max-age=31536000",
    "s-maxage=600",
    "max-age=60",
    "no-cache",
    "immutable",
    "PUBLIC",
  ])("of an application is kept by none either, though it says %j", async (said) => {
    const answer = ana.ask("GET", "/me/51458/app.js");
    const { head } = await ana.agent.next("request");
    const headers: [string, string][] = [
      ["CDN-Cache-Control", "public"],
      ["Surrogate-Control", "max-age=600"],
      ...(said === undefined ? [] : [["Cache-Control", said] satisfies [string, string]]),
    ];
    ana.agent.send({ type: "response", id: head.id, status: 200, headers, length: 0, end: true });
    const response = await answer;
    expect(response.headers.get("cache-control")).toMatch(KEPT_BY_NONE);
    expect(response.headers.get("cache-control")).not.toMatch(/public|s-maxage/i);
    expect(response.headers.has("cdn-cache-control")).toBe(false);
    expect(response.headers.has("surrogate-control")).toBe(false);
  });

  it.each([
    "/me/51458/style.css",
    "/me/51459/a.js",
    "/api/sessions/x.css",
    "/account/x.js",
    "/wait/51458.css",
  ])("is not what its address seems to be, for a cache that goes by names: %s", async (path) => {
    for (const host of [CONSOLE, SESSIONS]) {
      const response = await ask(host + path, { headers: { accept: "text/css" } });
      await response.body?.cancel();
      expect(response.headers.get("cache-control")).toMatch(KEPT_BY_NONE);
    }
  });
});
