import { env } from "cloudflare:workers";
import { createExecutionContext, reset } from "cloudflare:test";
import { afterAll, describe, expect, it } from "vitest";
import { app } from "../../functions/app.ts";
import type { Env } from "../../functions/env.ts";
import worker from "../../functions/index.ts";
import { Browser, loginLink } from "./support/browser.ts";
import { api, ask, CONSOLE, SESSIONS } from "./support/edge.ts";

afterAll(reset);

/** Of every answer of Berth's own; a redirect away from a code says even less to whom it leads. */
function expectSecured(response: Response): void {
  const { headers } = response;
  const isPage = headers.get("content-type")?.startsWith("text/html") ?? false;
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  if (!isPage) expect(policy).not.toMatch(/(?:script|connect|form)/);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("referrer-policy")).toMatch(/^(?:same-origin|no-referrer)$/);
  expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
  expect(headers.get("cache-control")).toMatch(/^(?:no-store|private\b.*|no-cache|no-store, .*)$/);
  expect(headers.has("access-control-allow-origin")).toBe(false);
  if (!isPage) return;
  expect(headers.get("permissions-policy")).toContain("camera=()");
  expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  expect(headers.get("origin-agent-cluster")).toBe("?1");
}

const paths = [
  ...new Set(
    app.routes
      .filter(({ method, path }) => ["GET", "POST", "DELETE"].includes(method) && !path.startsWith("/a"))
      .map(({ path }) => path.replaceAll(/:\w+(?:\{.*?\})?/g, "s000000000000")),
  ),
  "/api/sessions",
  "/api/events",
  "/agent/nothing",
  "/assets/x/nothing.js",
  "/account",
  "/nothing",
  "/me/51458/",
  "/me/22/",
  "/s/x",
];

describe("every answer of Berth's own", () => {
  it.each(paths)("to a stranger, on either host: %s", async (path) => {
    for (const host of [CONSOLE, SESSIONS, "http://evil.example:8787"])
      for (const accept of ["*/*", "text/html"])
        expectSecured(await ask(host + path, { headers: { accept } }));
  });

  it.each(paths.filter((path) => path !== "/me/51458/"))("to its user: %s", async (path) => {
    const browser = await Browser.loggedIn();
    for (const accept of ["*/*", "text/html"]) {
      const response = await browser.go(CONSOLE + path, { headers: { accept } });
      await response.body?.cancel();
      expectSecured(response);
    }
  });

  it("when it leads on: from a login, to an application, and back", async () => {
    const browser = new Browser();
    let at = await loginLink();
    for (const start of [at, `${CONSOLE}/me/51458/`])
      for (at = start; ;) {
        const response = await browser.go(at);
        expectSecured(response);
        const location = response.headers.get("location");
        if (location === null) break;
        at = new URL(location, at).href;
      }
    expect(at).toBe(`${SESSIONS}/me/51458/`);
  });

  it("that is nobody's secret may be kept: what pages look like", async () => {
    const page = await (await ask(CONSOLE, { headers: { accept: "text/html" } })).text();
    const [, path = ""] = /(?:href|src)="(\/assets\/[^"]+)"/.exec(page) ?? [];
    const { headers } = await ask(CONSOLE + path);
    expect(headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
  });
});

describe("Strict-Transport-Security", () => {
  const settings = {
    ...env,
    BERTH_LOGIN: "header",
    BERTH_PROXY_HEADER: "x-identity",
    BERTH_PROXY_JWKS: "https://id.example.org/keys",
    BERTH_PROXY_ISSUER: "https://id.example.org",
    BERTH_PROXY_AUDIENCE: "berth",
    BERTH_CONSOLE_HOST: "console.example.org",
    BERTH_SESSIONS_HOST: "sessions.example.org",
  } as Env;
  const strictOf = async (url: string): Promise<string | null> => {
    const response = await worker.fetch(new Request(url), settings, createExecutionContext());
    return response.headers.get("strict-transport-security");
  };

  it("is told by a deployed edge, on each host", async () => {
    for (const host of ["console.example.org", "sessions.example.org"])
      for (const path of ["/healthz", "/enter?code=x", "/nothing"])
        expect(await strictOf(`https://${host}${path}`)).toBe("max-age=31536000");
  });

  it("is not told without TLS, nor of this machine's own names, which are not Berth's alone", async () => {
    for (const host of ["http://console.example.org", "https://localhost:8787", "https://sessions.localhost"])
      expect(await strictOf(`${host}/healthz`)).toBeNull();
  });
});

it("an answer of the API is no page, whatever a browser makes of it", async () => {
  const { headers } = await api("GET", "/api/sessions");
  expect(headers.get("content-type")).toMatch(/^application\/json/);
  expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
});
