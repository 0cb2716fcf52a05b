import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWTPayload } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Me } from "../../contract/account.ts";
import { LocalEdge } from "../../local/edge.ts";
import { AccessProxy } from "../support/access-proxy.ts";
import { freePort } from "../support/free-port.ts";
import { HttpBrowser } from "../support/http-browser.ts";
import { SECRETS } from "../support/oidc-edge.ts";

let proxy: AccessProxy;
let edge: LocalEdge;
let state: string;
let berth: string;
let sessions: string;

beforeAll(async () => {
  const port = await freePort();
  berth = `http://localhost:${port}`;
  sessions = `http://sessions.localhost:${port}`;
  state = await mkdtemp(join(tmpdir(), "berth-edge-"));
  proxy = await AccessProxy.start();
  const bindings = {
    ...proxy.bindings,
    BERTH_GROUPS_CLAIM: "custom.groups",
    BERTH_OPERATOR_GROUPS: "operators",
    BERTH_ALLOWED_GROUPS: "tides",
  };
  edge = await LocalEdge.start({ port, state, secrets: SECRETS, attempts: 10_000, bindings });
});

afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await rm(state, { recursive: true, force: true });
});

const TIDES = { custom: { groups: ["tides"] } };

/** What the proxy says of somebody who may log in. */
const named = (subject: string, changes: JWTPayload = {}): Promise<Record<string, string>> =>
  proxy.headers(subject, { ...TIDES, ...changes });

async function loggedIn(subject: string, changes: JWTPayload = {}): Promise<HttpBrowser> {
  const browser = new HttpBrowser();
  const headers = await named(subject, changes);
  const response = await browser.go(`${berth}/login?to=/services`, { headers });
  expect([response.status, response.headers.get("location")]).toEqual([302, "/services"]);
  return browser;
}

async function whoIs(browser: HttpBrowser, headers: Record<string, string>): Promise<Me | number> {
  const response = await browser.go(`${berth}/api/me`, {
    headers: { ...headers, accept: "application/json" },
  });
  if (response.status === 200) return Me.parse(await response.json());
  await response.body?.cancel();
  return response.status;
}

const statusAt = async (
  browser: HttpBrowser,
  address: string,
  headers: Record<string, string>,
): Promise<number> => {
  const response = await browser.go(address, { headers });
  await response.body?.cancel();
  return response.status;
};

describe("behind an access proxy", () => {
  it("whom it names is logged in with one click, and only with its word beside the cookie", async () => {
    const headers = await named("ana");
    const page = await new HttpBrowser().go(`${berth}/services`, { headers });
    expect([page.status, await page.text()]).toEqual([401, expect.stringContaining("/login?to=%2Fservices")]);
    const browser = await loggedIn("ana");
    expect(await whoIs(browser, headers)).toMatchObject({ name: "Ana", role: "user", login: "header" });
    expect(await whoIs(browser, {})).toBe(401);
  });

  it("its next word for the same user is as good as the first", async () => {
    const browser = await loggedIn("ana");
    expect(await whoIs(browser, await named("ana", { jti: "2" }))).toMatchObject({ name: "Ana" });
  });

  it("its word for somebody else opens nothing to a cookie", async () => {
    const browser = await loggedIn("ana");
    expect(await whoIs(browser, await named("bob"))).toBe(401);
    expect(await whoIs(browser, await named("ana"))).toMatchObject({ name: "Ana" });
  });

  it("a cookie opens nothing on the applications' host either, without its word", async () => {
    const browser = await loggedIn("ana");
    const mine = await named("ana");
    // The browser goes from the sessions' host to the console and back.
    for (let at = `${sessions}/me/51458/`, hops = 0; hops < 4; hops += 1) {
      const response = await browser.go(at, { headers: mine });
      await response.body?.cancel();
      const location = response.headers.get("location");
      if (location === null) break;
      at = new URL(location, at).href;
    }
    expect(browser.cookies("sessions.localhost")).toContain("berth_session=");
    const at = `${sessions}/me/51458/`;
    const asScript = { accept: "*/*" };
    expect(await statusAt(browser, at, { ...mine, ...asScript })).toBe(404);
    expect(await statusAt(browser, at, asScript)).toBe(401);
    expect(await statusAt(browser, at, { ...(await named("bob")), ...asScript })).toBe(401);
    const upgrade = { connection: "upgrade", upgrade: "websocket", origin: sessions, ...asScript };
    expect(await statusAt(browser, at, upgrade)).toBe(401);
  });

  it("tells roles from groups, and ends a login whose role is another by now", async () => {
    const both = { custom: { groups: ["tides", "operators"] } };
    const browser = await loggedIn("olga", both);
    expect(await whoIs(browser, await named("olga", both))).toMatchObject({ role: "operator" });
    expect(await whoIs(browser, await named("olga"))).toBe(401);
  });

  it("refuses those of other groups, also later", async () => {
    const storms = { custom: { groups: ["storms"] } };
    const response = await new HttpBrowser().go(`${berth}/login`, { headers: await named("eve", storms) });
    expect([response.status, response.headers.getSetCookie()]).toEqual([403, []]);
    expect(await response.text()).toContain("You may not log in here");
    const browser = await loggedIn("eve");
    expect(await whoIs(browser, await named("eve", storms))).toBe(403);
  });

  it("an API token needs no word of the proxy's", async () => {
    const browser = await loggedIn("ana");
    const headers = { ...(await named("ana")), accept: "application/json" };
    const page = await browser.go(`${berth}/api/me`, { headers });
    expect(page.status).toBe(200);
    const wrong = { authorization: "Bearer berth_api_x.y", accept: "application/json" };
    expect(await whoIs(new HttpBrowser(), wrong)).toBe(401);
  });

  it("has no one-time link", async () => {
    const headers = await named("ana");
    expect(await statusAt(new HttpBrowser(), `${berth}/login?code=x`, headers)).toBe(404);
    const browser = await loggedIn("ana");
    const made = await browser.go(`${berth}/api/login-links`, { form: {}, headers });
    expect(made.status).toBe(404);
    for (const token of [SECRETS.token, SECRETS.agentToken])
      expect(await whoIs(new HttpBrowser(), { authorization: `Bearer ${token}` })).toBe(401);
  });

  it("a logout ends the login here", async () => {
    const browser = await loggedIn("ana");
    const copy = new HttpBrowser();
    for (const pair of browser.cookies("localhost").split("; ")) copy.keep("localhost", pair);
    const headers = await named("ana");
    const response = await browser.go(`${berth}/logout`, { form: {}, headers });
    expect([response.status, response.headers.get("location")]).toEqual([303, "/"]);
    expect(await whoIs(copy, headers)).toBe(401);
  });
});

describe("what comes as the proxy's word", () => {
  const seconds = (): number => Math.floor(Date.now() / 1000);
  const body = (claims: JWTPayload): string => Buffer.from(JSON.stringify(claims)).toString("base64url");
  const unsigned = (alg: string, claims: JWTPayload): string =>
    `${Buffer.from(JSON.stringify({ alg })).toString("base64url")}.${body(claims)}.`;

  it.each<[string, (claims: JWTPayload) => Promise<string> | string]>([
    ["is for another audience", (claims) => proxy.sign({ ...claims, aud: "elsewhere" })],
    ["is for no audience", ({ aud: _aud, ...claims }) => proxy.sign(claims)],
    ["is of another issuer", (claims) => proxy.sign({ ...claims, iss: "https://evil.example" })],
    ["has expired", (claims) => proxy.sign({ ...claims, exp: seconds() - 60 })],
    ["never expires", ({ exp: _exp, ...claims }) => proxy.sign(claims)],
    ["is not valid yet", (claims) => proxy.sign({ ...claims, nbf: seconds() + 600 })],
    ["names nobody", ({ sub: _sub, ...claims }) => proxy.sign(claims)],
    ["names nobody by an empty name", (claims) => proxy.sign({ ...claims, sub: "" })],
    ["is of alg none", (claims) => unsigned("none", claims)],
    ["is of alg None", (claims) => unsigned("None", claims)],
    ["is an HMAC with the public key", (claims) => proxy.signedWithThePublicKey(claims, "pem")],
    ["is an HMAC with the public key's JWK", (claims) => proxy.signedWithThePublicKey(claims, "jwk")],
    ["is signed by a stranger", (claims) => proxy.signedByAStranger(claims)],
    ["is no JWT", () => "x"],
    ["is empty", () => ""],
  ])("and %s logs nobody in, and opens nothing to a cookie", async (_what, make) => {
    const headers = proxy.header(await make(proxy.claims("ana", TIDES)));
    const response = await new HttpBrowser().go(`${berth}/login`, { headers });
    expect([response.status, response.headers.getSetCookie()]).toEqual([401, []]);
    await response.body?.cancel();
    expect(await whoIs(await loggedIn("ana"), headers)).toBe(401);
  });

  it("is asked about at most once while it is good, and about its keys only now and then", async () => {
    const browser = await loggedIn("ana");
    const before = proxy.asked;
    for (let count = 0; count < 5; count += 1)
      await whoIs(browser, await named("ana", { jti: String(count) }));
    for (let count = 0; count < 5; count += 1)
      await whoIs(browser, proxy.header(await proxy.signedByAStranger(proxy.claims("ana"))));
    expect(proxy.asked).toBe(before);
  });
});
