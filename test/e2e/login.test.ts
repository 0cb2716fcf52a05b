import type { JWTPayload } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { HttpBrowser } from "../support/http-browser.ts";
import { OidcEdge, SECRETS } from "../support/oidc-edge.ts";
import type { Account, Forgery } from "../support/openid-provider.ts";

const ANA: Account = { sub: "ana", name: "Ana", groups: ["tides"] };
const BOB: Account = { sub: "bob", name: "Bob", groups: ["rivers", "operators"] };
const EVE: Account = { sub: "eve", name: "Eve", groups: ["storms"] };

let edge: OidcEdge;

beforeAll(async () => {
  edge = await OidcEdge.start({
    bindings: { BERTH_OPERATOR_GROUPS: "operators", BERTH_ALLOWED_GROUPS: "tides, rivers" },
  });
});

afterEach(() => {
  edge.provider.account = ANA;
  edge.provider.forgery = undefined;
});

afterAll(() => edge[Symbol.asyncDispose]());

const textOf = (html: string): string =>
  html
    .replace(/<head>.*<\/head>/s, "")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&#39;", "'")
    .replaceAll("&quot;", '"')
    .replaceAll(/\s+/g, " ");

const linkOf = (html: string): string =>
  (/class="button primary" href="([^"]*)"/.exec(html)?.[1] ?? "").replaceAll("&amp;", "&");

/** Goes to the provider and back, but for the last step: the address at which the browser returns. */
const returning = (browser: HttpBrowser, to = "/"): Promise<string> =>
  browser.followUntil(`${edge.console}/login?to=${encodeURIComponent(to)}`, `${edge.console}/login/callback`);

/** What the console says to a browser that comes back like this; it is never logged in by it. */
async function refusal(
  browser: HttpBrowser,
  address: string,
): Promise<{ status: number; text: string; link: string }> {
  const response = await browser.go(address);
  const html = await response.text();
  expect(response.headers.get("location")).toBeNull();
  expect(browser.cookies("localhost")).toBe("");
  expect(await edge.whoIs(browser)).toBeUndefined();
  return { status: response.status, text: textOf(html), link: linkOf(html) };
}

describe("a login at the provider", () => {
  it("begins at a button, and leads back to the page that was asked for", async () => {
    edge.provider.account = ANA;
    const browser = new HttpBrowser();
    const page = await browser.go(`${edge.console}/services?q=lab`);
    expect(page.status).toBe(401);
    const href = linkOf(await page.text());
    expect(href).toBe("/login?to=%2Fservices%3Fq%3Dlab");
    const { response, at } = await browser.follow(edge.console + href);
    expect([response.status, at]).toEqual([200, `${edge.console}/services?q=lab`]);
    expect(await edge.whoIs(browser)).toMatchObject({ name: "Ana", role: "user", login: "oidc" });
  });

  it("asks with PKCE, a state and a nonce, none of them twice", async () => {
    const asked = await Promise.all(
      [1, 2].map(async () => {
        const response = await new HttpBrowser().go(`${edge.console}/login`);
        return new URL(response.headers.get("location") ?? "").searchParams;
      }),
    );
    for (const query of asked) {
      expect(query.get("response_type")).toBe("code");
      expect(query.get("code_challenge_method")).toBe("S256");
      expect(query.get("redirect_uri")).toBe(`${edge.console}/login/callback`);
    }
    for (const name of ["state", "nonce", "code_challenge"]) {
      const [one = "", other] = asked.map((query) => query.get(name) ?? "");
      expect(one.length).toBeGreaterThanOrEqual(43);
      expect(one).not.toBe(other);
    }
  });

  it("keeps what it needs until then in a cookie of this host, hidden from scripts, for ten minutes", async () => {
    const [cookie] = (await new HttpBrowser().go(`${edge.console}/login`)).headers.getSetCookie();
    expect(cookie).toMatch(/^berth_login=[\w.-]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/);
  });

  it("tells groups from the provider's, and roles from groups", async () => {
    edge.provider.account = BOB;
    expect(await edge.whoIs(await edge.browser())).toMatchObject({ name: "Bob", role: "operator" });
  });

  it("refuses those of other groups, and says what to do", async () => {
    edge.provider.account = EVE;
    const browser = new HttpBrowser();
    const { status, text, link } = await refusal(browser, await returning(browser, "/services"));
    expect([status, link]).toEqual([403, "/login?to=%2Fservices&as=another"]);
    expect(text).toContain('None of the groups of "Eve" may log in here. Ask the operator');
    // The provider knows this browser: only when it asks again can it be somebody else.
    const asked = await browser.go(edge.console + link);
    expect(new URL(asked.headers.get("location") ?? "").searchParams.get("prompt")).toBe("login");
  });

  it("says so when the provider refuses", async () => {
    edge.provider.account = null;
    const browser = new HttpBrowser();
    const { status, text, link } = await refusal(browser, await returning(browser, "/services"));
    expect([status, link]).toEqual([401, "/login?to=%2Fservices"]);
    expect(text).toContain("The identity provider did not let you in, or you declined.");
  });

  it("ends the login that the browser had before", async () => {
    const browser = await edge.browser();
    const before = browser.cookies("localhost");
    await edge.logIn(browser);
    const old = new HttpBrowser();
    old.keep("localhost", before);
    expect(await edge.whoIs(old)).toBeUndefined();
    expect(await edge.whoIs(browser)).toMatchObject({ name: "Ana" });
  });

  it.each(["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])(
    "never leads to %s",
    async (to) => {
      const browser = new HttpBrowser();
      const response = await browser.go(await returning(browser, to));
      expect([response.status, response.headers.get("location")]).toEqual([302, "/"]);
    },
  );
});

describe("an answer of the provider's", () => {
  it("with another state is refused, and the login is over", async () => {
    const browser = new HttpBrowser();
    const good = await returning(browser);
    const forged = good.replace(/state=[^&]*/, `state=${"x".repeat(43)}`);
    const { status, text } = await refusal(browser, forged);
    expect(status).toBe(401);
    expect(text).toContain("belongs to another login");
    expect((await refusal(browser, good)).status).toBe(401);
  });

  it("to another browser's login is refused", async () => {
    const [mine, theirs] = [new HttpBrowser(), new HttpBrowser()];
    await returning(mine);
    const { status, text } = await refusal(mine, await returning(theirs));
    expect(status).toBe(401);
    expect(text).toContain("belongs to another login");
  });

  it("to no login of this browser's is refused", async () => {
    const { status, text } = await refusal(new HttpBrowser(), await returning(new HttpBrowser()));
    expect(status).toBe(401);
    expect(text).toContain("was not begun in this browser");
  });

  it("without a state, or with two, is refused", async () => {
    for (const change of [
      (url: string) => url.replace(/state=[^&]*&?/, ""),
      (url: string) => `${url}&state=x`,
    ]) {
      const browser = new HttpBrowser();
      expect((await refusal(browser, change(await returning(browser)))).status).toBe(401);
    }
  });

  it("that names another issuer is refused", async () => {
    const browser = new HttpBrowser();
    const back = new URL(await returning(browser));
    expect(back.searchParams.get("iss")).toBe(edge.provider.issuer);
    back.searchParams.set("iss", "https://other.example.org");
    expect((await refusal(browser, back.href)).status).toBe(401);
  });

  it("with another nonce is refused", async () => {
    const browser = new HttpBrowser();
    const response = await browser.go(`${edge.console}/login`);
    const asked = new URL(response.headers.get("location") ?? "");
    asked.searchParams.set("nonce", "another-nonce");
    const back = await browser.followUntil(asked.href, `${edge.console}/login/callback`);
    const { status, text } = await refusal(browser, back);
    expect(status).toBe(401);
    expect(text).toContain("is not for this login");
  });

  it("is good once", async () => {
    const browser = new HttpBrowser();
    const back = await returning(browser);
    const kept = browser.cookies("localhost");
    const copy = new HttpBrowser();
    copy.keep("localhost", kept);
    expect((await browser.go(back)).status).toBe(302);
    const again = await copy.go(back);
    expect(again.status).toBe(401);
    expect(textOf(await again.text())).toContain("it was used, or took too long");
  });

  it("whose code another login began is refused, by PKCE", async () => {
    const [mine, theirs] = [new HttpBrowser(), new HttpBrowser()];
    const stolen = new URL(await returning(theirs)).searchParams.get("code") ?? "";
    const back = new URL(await returning(mine));
    back.searchParams.set("code", stolen);
    expect((await refusal(mine, back.href)).status).toBe(401);
  });

  const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
  const claims =
    (changes: JWTPayload): Forgery =>
    (own) => ({ claims: { ...own, ...changes } });

  it.each<[string, Forgery, RegExp]>([
    ["has expired", claims({ exp: inSeconds(-60) }), /too old, or the clocks differ/],
    ["is of another issuer", claims({ iss: "https://other.example.org" }), /not for this login/],
    ["is for another client", claims({ aud: "other" }), /not for this login/],
    ["has no expiry", ({ exp: _exp, ...own }) => ({ claims: own }), /identity provider/],
    ["has no subject", ({ sub: _sub, ...own }) => ({ claims: own }), /identity provider/],
    ["is not signed", () => ({ unsigned: true }), /identity provider/],
    ["is signed by somebody else", () => ({ foreignKey: true }), /not signed by one of its keys/],
  ])("whose ID token %s is refused", async (_what, forgery, why) => {
    edge.provider.forgery = forgery;
    const browser = new HttpBrowser();
    const { status, text } = await refusal(browser, await returning(browser));
    expect(status).toBe(401);
    expect(text).toMatch(why);
  });

  it("may be of a clock that is a few seconds off", async () => {
    edge.provider.forgery = claims({ exp: inSeconds(-5) });
    expect(await edge.whoIs(await edge.browser())).toMatchObject({ name: "Ana" });
  });
});

describe("the provider's keys", () => {
  it("are followed when they are replaced, and asked for no more often than that", async () => {
    await edge.browser();
    const before = edge.provider.asked.keys;
    await edge.browser();
    expect(edge.provider.asked.keys).toBe(before);
    await edge.provider.rotateKeys();
    await edge.browser();
    await edge.browser();
    expect(edge.provider.asked.keys).toBe(before + 1);
  });
});

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

describe("the one-time link of a local instance", () => {
  it.each(["/login?code=x", "/login?code=", `/login?code=${"a.".padEnd(60, "b")}&to=/`])(
    "is not there: %s",
    async (path) => {
      const response = await new HttpBrowser().go(edge.console + path, { headers: { accept: "*/*" } });
      expect([response.status, response.headers.getSetCookie()]).toEqual([404, []]);
    },
  );

  it("is made for nobody, and its tokens are none", async () => {
    const browser = await edge.browser();
    const made = await browser.go(`${edge.console}/api/login-links`, {
      form: {},
      headers: { accept: "*/*" },
    });
    expect(made.status).toBe(404);
    for (const token of [SECRETS.token, SECRETS.agentToken])
      for (const path of ["/api/me", "/api/login-links", "/agent/link"]) {
        const headers = { authorization: `Bearer ${token}`, accept: "*/*" };
        expect((await new HttpBrowser().go(edge.console + path, { headers })).status).toBe(401);
      }
  });
});
