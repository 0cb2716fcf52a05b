import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { LocalEdge } from "../../local/edge.ts";
import { freePort } from "../support/berth.ts";
import { HttpBrowser } from "../support/http-browser.ts";
import { CLIENT, OpenIdProvider } from "../support/openid-provider.ts";

const SECRETS = { token: "the-api-token", agentToken: "the-agent-token", cookieSecret: "the-cookie-secret" };
const ANA = { sub: "ana", name: "Ana", groups: ["tides"] };

let state: string;
let berth: string;
let sessions: string;
let provider: OpenIdProvider;
let edge: LocalEdge;

beforeAll(async () => {
  const port = await freePort();
  state = await mkdtemp(join(tmpdir(), "berth-edge-"));
  berth = `http://localhost:${port}`;
  sessions = `http://sessions.localhost:${port}`;
  provider = await OpenIdProvider.start(berth);
  edge = await LocalEdge.start({
    port,
    state,
    secrets: SECRETS,
    bindings: {
      BERTH_LOGIN: "oidc",
      BERTH_OIDC_ISSUER: provider.issuer,
      BERTH_OIDC_CLIENT_ID: CLIENT.id,
      BERTH_OIDC_CLIENT_SECRET: CLIENT.secret,
      BERTH_OIDC_SCOPE: "openid profile groups",
      BERTH_OPERATOR_GROUPS: "operators",
      BERTH_ALLOWED_GROUPS: "tides, rivers",
    },
  });
});

afterEach(() => {
  provider.account = ANA;
  provider.forgery = undefined;
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
  await rm(state, { recursive: true, force: true });
});

const codeOf = async (response: Response): Promise<string | undefined> =>
  /<code>(\w+)<\/code>, \d+/.exec(await response.text())?.[1];

const textOf = async (response: Response): Promise<string> =>
  (await response.text())
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&#39;", "'")
    .replaceAll(/\s+/g, " ");

/** A browser in which whoever the provider names has logged in. */
async function loggedIn(to = "/"): Promise<HttpBrowser> {
  const browser = new HttpBrowser();
  const { response, at } = await browser.follow(`${berth}/login?to=${encodeURIComponent(to)}`);
  expect([response.status, at], await textOf(response)).toEqual([200, berth + to]);
  return browser;
}

const statusOf = async (browser: HttpBrowser, path = "/"): Promise<number> => {
  const response = await browser.go(berth + path);
  await response.body?.cancel();
  return response.status;
};

describe("a login at the provider", () => {
  it("begins at a button, and leads back to the page that was asked for", async () => {
    provider.account = ANA;
    const browser = new HttpBrowser();
    const page = await browser.go(`${berth}/services?q=lab`);
    expect(page.status).toBe(401);
    const [, href = ""] = /href="(\/login[^"]*)"/.exec(await page.text()) ?? [];
    expect(href).toBe("/login?to=%2Fservices%3Fq%3Dlab");
    const { response, at } = await browser.follow(berth + href);
    expect([response.status, at]).toEqual([200, `${berth}/services?q=lab`]);
  });
});
