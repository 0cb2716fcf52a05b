import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { HttpBrowser } from "../support/http-browser.ts";
import { OidcEdge, SECRETS } from "../support/oidc-edge.ts";
import { textOf } from "../support/shown-page.ts";

let edge: OidcEdge;

beforeAll(async () => {
  edge = await OidcEdge.start();
});

afterAll(() => edge[Symbol.asyncDispose]());

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

describe("an edge that its provider does not know, or does not answer,", () => {
  const begun = async (bindings: Record<string, string>): Promise<[number, string]> => {
    await using wrong = await OidcEdge.start({ bindings });
    const { response } = await new HttpBrowser().follow(`${wrong.console}/login`);
    return [response.status, textOf(await response.text())];
  };

  it("says that the provider does not answer", async () => {
    const issuer = `http://127.0.0.1:${await freePort()}`;
    const [status, text] = await begun({ BERTH_OIDC_ISSUER: issuer });
    expect(status).toBe(503);
    expect(text).toContain("The identity provider could not be asked. Try again in a moment");
  });

  it("says that its secret is wrong, and never which it is", async () => {
    const [status, text] = await begun({ BERTH_OIDC_CLIENT_SECRET: "a-wrong-secret" });
    expect(status).toBe(503);
    expect(text).toContain("refuses BERTH_OIDC_CLIENT_ID with its BERTH_OIDC_CLIENT_SECRET");
    expect(text).not.toContain("a-wrong-secret");
  });

  it("says that an address is another issuer's", async () => {
    const other = edge.provider.issuer.replace("127.0.0.1", "localhost");
    const [status, text] = await begun({ BERTH_OIDC_ISSUER: other });
    expect([status, text]).toEqual([503, expect.stringContaining("BERTH_OIDC_ISSUER")]);
  });
});
