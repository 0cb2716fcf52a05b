import { env } from "cloudflare:workers";
import { createExecutionContext, reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { app } from "../../../functions/app.ts";
import type { Env } from "../../../functions/env.ts";
import { loginLink } from "../support/browser.ts";
import { ask, asApi, CONSOLE, problemOf } from "../support/edge.ts";

afterEach(reset);

/** Asks an edge with other settings. */
const askWith = async (settings: Partial<Env>, url: string, init: RequestInit = {}): Promise<Response> =>
  app.fetch(new Request(url, init), { ...env, ...settings }, createExecutionContext());

const OIDC = {
  BERTH_LOGIN: "oidc",
  BERTH_OIDC_ISSUER: "https://id.example.org",
  BERTH_OIDC_CLIENT_ID: "berth",
} satisfies Partial<Env>;

const HEADER = {
  BERTH_LOGIN: "header",
  BERTH_PROXY_HEADER: "x-access-jwt",
  BERTH_PROXY_JWKS: "https://proxy.example.org/certs",
  BERTH_PROXY_ISSUER: "https://proxy.example.org",
  BERTH_PROXY_AUDIENCE: "berth",
} satisfies Partial<Env>;

/** Tries as often as an address may in two minutes: the limiter's minute may turn meanwhile. */
async function untilRefused(attempt: () => Promise<Response>): Promise<Response> {
  for (let count = 0; count <= 60; count += 1) {
    const response = await attempt();
    if (response.status === 429) return response;
  }
  throw new Error("every attempt was let through");
}

describe("the one-time link", () => {
  it.each(["berth.example.org", "localhost.example.org", "localhost.", "127.0.0.1", "xlocalhost"])(
    "is refused on %s: such an edge answers nobody",
    async (host) => {
      for (const path of ["/", "/login?code=x", "/api/me", "/api/login-links"]) {
        const response = await askWith({ BERTH_CONSOLE_HOST: host }, `https://${host}${path}`, {
          headers: asApi,
        });
        expect(await problemOf(response)).toMatchObject({
          status: 503,
          code: "not_configured",
          detail: expect.stringContaining("localhost alone"),
        });
      }
    },
  );

  it.each([
    ["oidc", OIDC],
    ["header", HEADER],
  ])("that this very edge has made is none where people log in by %s", async (_kind, settings) => {
    const link = await loginLink();
    expect((await askWith(settings, link)).status).toBe(404);
    expect((await askWith(settings, link, { headers: { accept: "text/html" } })).status).toBe(404);
    expect((await ask(link, { redirect: "manual" })).status).toBe(302);
  });

  it.each([
    ["oidc", OIDC],
    ["header", HEADER],
  ])("is made for no token where people log in by %s", async (_kind, settings) => {
    const init = { method: "POST", headers: asApi };
    expect((await askWith(settings, `${CONSOLE}/api/login-links`, init)).status).toBe(401);
  });
});

describe("the provider's roads", () => {
  it.each([
    ["link", {}],
    ["header", HEADER],
  ])("are not there where people log in by %s", async (_kind, settings) => {
    expect((await askWith(settings, `${CONSOLE}/login/callback?code=x&state=y`)).status).toBe(404);
    const init = { method: "POST", body: new URLSearchParams({ logout_token: "x" }) };
    expect((await askWith(settings, `${CONSOLE}/logout/back-channel`, init)).status).toBe(404);
  });

  it("take no large body", async () => {
    const init = { method: "POST", body: `logout_token=${"x".repeat(100_000)}` };
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const response = await askWith(OIDC, `${CONSOLE}/logout/back-channel`, { ...init, headers });
    expect(response.status).toBe(413);
  });

  it.each([
    "http://id.example.org",
    "http://127.0.0.1.example.org",
    "http://localhost.example.org",
    "ftp://id.example.org",
    "id",
  ])("lead to no provider at %s: what passes there could be read", async (issuer) => {
    const response = await askWith({ ...OIDC, BERTH_OIDC_ISSUER: issuer }, `${CONSOLE}/login`);
    expect(await problemOf(response)).toMatchObject({ status: 503, code: "not_configured" });
  });

  it("are counted by address, and say when to come back", async () => {
    const last = await untilRefused(() => askWith({ ...OIDC, BERTH_OIDC_ISSUER: "id" }, `${CONSOLE}/login`));
    expect(last.headers.get("retry-after")).toBe("60");
    expect(await problemOf(last)).toMatchObject({ code: "too_many_requests", retryAfter: 60 });
  });
});

describe("a wrong login link", () => {
  it("is counted, and keeps nobody from a good one", async () => {
    const link = await loginLink();
    expect((await ask(`${CONSOLE}/login?code=x`)).status).toBe(401);
    await untilRefused(() => ask(`${CONSOLE}/login?code=x`));
    expect((await ask(link)).status).toBe(302);
  });
});
