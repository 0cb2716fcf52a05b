import { reset } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { app } from "../../../functions/app.ts";
import { Browser } from "../support/browser.ts";
import { api, asAgent, asApi, ask, CONSOLE, problemOf, SESSIONS } from "../support/edge.ts";
import { OPEN_ROUTES } from "../support/open-routes.ts";

afterAll(reset);

type Route = { method: string; path: string };

/** Every route that the router knows, each with an address that fits it. */
const routed: Route[] = app.routes
  .filter(({ method, path }) => method !== "ALL" && !OPEN_ROUTES.has(path))
  .map(({ method, path }) => ({ method, path: path.replaceAll(/:\w+(?:\{.*?\})?/g, "s000000000000") }));

/** What the router does not see: the applications, and what is not there at all. */
const others: Route[] = [
  ...[
    "/me/51458/",
    "/me/51458/api/contents",
    "/sme/51458/",
    "/me",
    "/nothing",
    "/agent/nothing",
    "/api/nothing",
  ].map((path) => ({ method: "GET", path })),
  { method: "POST", path: "/me/51458/" },
  { method: "DELETE", path: "/me/51458/" },
  { method: "HEAD", path: "/me/51458/" },
  { method: "OPTIONS", path: "/me/51458/" },
];

const closed: Route[] = [...routed, ...others];
const isAgents = ({ path }: Route): boolean => path.startsWith("/agent/");
const isApplication = ({ path }: Route): boolean => /^\/s?me(\/|$)/.test(path);
const label = (routes: readonly Route[]): [string, Route][] =>
  routes.map((route) => [`${route.method} ${route.path}`, route]);

describe("what needs a login", () => {
  let documented: Route[];

  beforeAll(async () => {
    const document = await (await api("GET", "/openapi.json")).json<{ paths: Record<string, object> }>();
    documented = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => ({ method: method.toUpperCase(), path })),
    );
  });

  it("is everything in the OpenAPI document, and more", () => {
    const paths = new Set(routed.map(({ method, path }) => `${method} ${path}`));
    // The applications pass by the router; `others` has them.
    for (const { method, path } of documented.filter(
      (route) => !OPEN_ROUTES.has(route.path) && !isApplication(route),
    ))
      expect(paths).toContain(`${method} ${path.replaceAll(/\{\w+\}/g, "s000000000000")}`);
    expect(paths.size).toBeGreaterThan(documented.length);
  });

  it.each(label(closed))("%s", async (_name, { method, path }) => {
    const program = await ask(CONSOLE + path, { method });
    expect(program.status).toBe(401);
    expect(program.headers.get("www-authenticate")).toBe('Bearer realm="berth"');
    expect(program.headers.get("cache-control")).toBe("no-store");
    if (method !== "HEAD") expect(await problemOf(program)).toMatchObject({ code: "unauthorized" });

    const page = await ask(CONSOLE + path, { method, headers: { accept: "text/html" } });
    expect([page.status, page.headers.get("content-type")]).toEqual([401, "text/html; charset=utf-8"]);
    expect(page.headers.get("cache-control")).toBe("no-store");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
  });

  it.each(label(closed))("%s, as a WebSocket too", async (_name, { path }) => {
    const response = await ask(CONSOLE + path, { headers: { upgrade: "websocket", origin: CONSOLE } });
    expect([response.status, response.webSocket]).toEqual([401, null]);
  });

  it.each(label(closed.filter((route) => !isAgents(route))))(
    "%s, and is not the agent's",
    async (_name, route) => {
      const response = await ask(CONSOLE + route.path, { method: route.method, headers: asAgent });
      expect(response.status).toBe(401);
    },
  );

  it.each(label(closed.filter(isAgents)))(
    "%s, which is the agent's alone",
    async (_name, { method, path }) => {
      for (const headers of [asApi, { cookie: (await Browser.loggedIn()).cookies("localhost:8787") }])
        expect((await ask(CONSOLE + path, { method, headers })).status).toBe(401);
    },
  );
});

describe("what is open", () => {
  it("says that the edge lives", async () => {
    expect(await (await ask(`${CONSOLE}/healthz`)).json()).toEqual({ status: "ok" });
  });

  it("is what the pages look like, on both hosts", async () => {
    const page = await (await ask(CONSOLE, { headers: { accept: "text/html" } })).text();
    const assets = [...page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? "");
    expect(assets.length).toBeGreaterThan(1);
    for (const path of assets)
      for (const host of [CONSOLE, SESSIONS]) expect((await ask(host + path)).status).toBe(200);
  });
});

describe("a browser with the console's cookie", () => {
  it.each(label(routed.filter(({ method }) => method === "GET")))(
    "may GET what a program may: %s",
    async (_name, route) => {
      if (isAgents(route)) return;
      const browser = await Browser.loggedIn();
      const response = await browser.go(CONSOLE + route.path);
      await response.body?.cancel();
      // A hand-over is for browsers that an applications' host has sent.
      const isHandOver = /^\/(?:hand-over|share\/)/.test(route.path);
      expect(isHandOver ? [400] : [200, 404, 503]).toContain(response.status);
    },
  );

  it.each(label(closed.filter((route) => !isAgents(route) && !isApplication(route))))(
    "is a stranger on the applications' host: %s",
    async (_name, { method, path }) => {
      const cookie = (await Browser.loggedIn()).cookies("localhost:8787");
      const headers = { cookie, origin: SESSIONS };
      // What is of the console alone is not even there.
      expect([401, 404]).toContain((await ask(SESSIONS + path, { method, headers })).status);
    },
  );
});

describe("an answer to somebody", () => {
  it.each(label(routed.filter((route) => route.method === "GET" && !isAgents(route))))(
    "is kept by no shared cache: %s",
    async (_name, { path }) => {
      const response = await api("GET", path);
      await response.body?.cancel();
      expect(response.headers.get("cache-control")).toMatch(/^no-store$|^private/);
    },
  );
});
