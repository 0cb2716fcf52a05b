import type { JWTPayload } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { HttpBrowser } from "../support/http-browser.ts";
import { OidcEdge } from "../support/oidc-edge.ts";
import type { Account } from "../support/openid-provider.ts";

const ANA: Account = { sub: "ana", name: "Ana", groups: [] };
const BOB: Account = { sub: "bob", name: "Bob", groups: [] };

let edge: OidcEdge;

beforeAll(async () => {
  edge = await OidcEdge.start();
});

afterEach(() => {
  edge.provider.account = ANA;
});

afterAll(() => edge[Symbol.asyncDispose]());

describe("a logout", () => {
  const logOut = (browser: HttpBrowser, form: Record<string, string> = {}): Promise<Response> =>
    browser.go(`${edge.console}/logout`, { form });

  /** Where the page after a logout goes on to. */
  const onwards = (response: Response): string =>
    /^0;url=(.*)$/.exec(response.headers.get("refresh") ?? "")?.[1] ?? "";

  /** Presses the provider's button. */
  async function confirm(browser: HttpBrowser, address: string): Promise<string> {
    const html = await (await browser.go(address)).text();
    const [, action = ""] = /action="([^"]*)"/.exec(html) ?? [];
    const [, xsrf = ""] = /name="xsrf" value="([^"]*)"/.exec(html) ?? [];
    const response = await browser.go(action, { form: { xsrf, logout: "yes" } });
    return response.headers.get("location") ?? "";
  }

  it("ends the login, and leads on to the provider's, and back", async () => {
    const browser = await edge.browser();
    const cookie = browser.cookies("localhost");
    const response = await logOut(browser);
    expect(response.status).toBe(200);
    expect(browser.cookies("localhost")).toBe("");
    const copy = new HttpBrowser();
    copy.keep("localhost", cookie);
    expect(await edge.whoIs(copy)).toBeUndefined();

    const next = new URL(onwards(response));
    expect(next.origin).toBe(edge.provider.issuer);
    expect(next.searchParams.get("id_token_hint")).toMatch(/^ey/);
    expect(next.searchParams.get("client_id")).toBe("berth");
    expect(await confirm(browser, next.href)).toBe(`${edge.console}/`);
    // The provider has forgotten Ana: it asks anew.
    edge.provider.account = BOB;
    await edge.logIn(browser);
    expect(await edge.whoIs(browser)).toMatchObject({ name: "Bob" });
  });

  it("of this browser leaves the others", async () => {
    const [one, other] = [await edge.browser(), await edge.browser()];
    await logOut(one);
    expect([await edge.whoIs(one), (await edge.whoIs(other))?.name]).toEqual([undefined, "Ana"]);
  });

  it("everywhere ends every login of this user's, and of nobody else's", async () => {
    const [one, other] = [await edge.browser(), await edge.browser()];
    edge.provider.account = BOB;
    const bobs = await edge.browser();
    await logOut(one, { everywhere: "1" });
    expect([await edge.whoIs(one), await edge.whoIs(other)]).toEqual([undefined, undefined]);
    expect(await edge.whoIs(bobs)).toMatchObject({ name: "Bob" });
  });

  it("is not for pages of other sites", async () => {
    const browser = await edge.browser();
    const response = await browser.go(`${edge.console}/logout`, {
      form: {},
      headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" },
    });
    expect(response.status).toBe(403);
    expect(await edge.whoIs(browser)).toMatchObject({ name: "Ana" });
  });

  it("at the provider ends the logins here that came of it, and no others", async () => {
    const [one, other] = [await edge.browser(), await edge.browser()];
    await confirm(one, `${edge.provider.issuer}/session/end`);
    expect([await edge.whoIs(one), (await edge.whoIs(other))?.name]).toEqual([undefined, "Ana"]);
  });
});

describe("a logout token", () => {
  const EVENT = "http://schemas.openid.net/event/backchannel-logout";

  const content = (changes: JWTPayload = {}): JWTPayload => {
    const now = Math.floor(Date.now() / 1000);
    const at = { iat: now, exp: now + 120, jti: crypto.randomUUID() };
    return {
      iss: edge.provider.issuer,
      aud: "berth",
      sub: "ana",
      ...at,
      events: { [EVENT]: {} },
      ...changes,
    };
  };

  const send = async (token: string): Promise<number> =>
    (await new HttpBrowser().go(`${edge.console}/logout/back-channel`, { form: { logout_token: token } }))
      .status;

  it("of the provider's ends its user's logins, once", async () => {
    const browser = await edge.browser();
    const token = await edge.provider.sign(content());
    expect(await send(token)).toBe(200);
    expect(await edge.whoIs(browser)).toBeUndefined();
    await edge.logIn(browser);
    expect(await send(token)).toBe(400);
    expect(await edge.whoIs(browser)).toMatchObject({ name: "Ana" });
  });

  it.each<[string, JWTPayload]>([
    ["is for another client", { aud: "other" }],
    ["is of another issuer", { iss: "https://other.example.org" }],
    ["is of no event", { events: {} }],
    ["has a nonce, as an ID token has", { nonce: "n" }],
    ["has expired", { exp: Math.floor(Date.now() / 1000) - 60 }],
    ["was made long ago", { iat: Math.floor(Date.now() / 1000) - 7200 }],
    ["names nobody", { sub: 1 as never }],
  ])("that %s ends nothing", async (_what, changes) => {
    const browser = await edge.browser();
    expect(await send(await edge.provider.sign(content(changes)))).toBe(400);
    expect(await edge.whoIs(browser)).toMatchObject({ name: "Ana" });
  });

  it("that nobody signed ends nothing, nor does what is none", async () => {
    const [, body = ""] = (await edge.provider.sign(content())).split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    for (const token of [`${none}.${body}.`, `${none}.${body}.x`, "", "x", "a.b.c"])
      expect(await send(token)).toBe(400);
  });
});
