import type { JWTPayload } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { HttpBrowser } from "../support/http-browser.ts";
import { OidcEdge } from "../support/oidc-edge.ts";
import type { Account, Forgery } from "../support/openid-provider.ts";
import { buttonOf, textOf } from "../support/shown-page.ts";

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
  return { status: response.status, text: textOf(html), link: buttonOf(html) };
}

describe("a login at the provider", () => {
  it("begins at a button, and leads back to the page that was asked for", async () => {
    edge.provider.account = ANA;
    const browser = new HttpBrowser();
    const page = await browser.go(`${edge.console}/services?q=lab`);
    expect(page.status).toBe(401);
    const href = buttonOf(await page.text());
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
