import { clientCredentialsGrant } from "openid-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type OidcConfig, providerOf } from "../../../functions/auth/oidc-provider.ts";

const MINUTE = 60_000;
const ISSUER = "https://id.example.org";

/** What the provider says of itself, and what it was asked. */
let metadata: Record<string, unknown>;
let answers: boolean;
let asked: Request[];
let config: OidcConfig;

beforeEach(() => {
  [answers, asked] = [true, []];
  metadata = { issuer: ISSUER, jwks_uri: `${ISSUER}/jwks`, token_endpoint: `${ISSUER}/token` };
  config = {
    kind: "oidc",
    issuer: ISSUER,
    clientId: "berth",
    clientSecret: "the-client-secret",
    scope: "openid",
    groups: { claim: "groups", operators: [], allowed: null },
  };
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    asked.push(request);
    if (!answers) throw new TypeError("the network is down");
    if (request.url.endsWith("/token")) return Response.json({ access_token: "a", token_type: "bearer" });
    return Response.json(metadata);
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const later = (ms: number): void => {
  vi.setSystemTime(Date.now() + ms);
};

describe("what the provider says of itself", () => {
  it("is read once in ten minutes", async () => {
    const first = await providerOf(config);
    expect(asked.map(({ url }) => url)).toEqual([`${ISSUER}/.well-known/openid-configuration`]);
    expect(await providerOf(config)).toBe(first);
    later(9 * MINUTE);
    expect(await providerOf(config)).toBe(first);
    later(2 * MINUTE);
    metadata["end_session_endpoint"] = `${ISSUER}/end`;
    const { client } = await providerOf(config);
    expect(client.serverMetadata().end_session_endpoint).toBe(`${ISSUER}/end`);
    expect(asked).toHaveLength(2);
  });

  it("is kept for longer while the provider does not answer", async () => {
    const first = await providerOf(config);
    later(11 * MINUTE);
    answers = false;
    expect(await providerOf(config)).toBe(first);
    answers = true;
    metadata["issuer"] = "https://other.example.org";
    await expect(providerOf(config)).rejects.toMatchObject({ code: "not_configured" });
  });

  it("must be of the very issuer, and name its keys", async () => {
    metadata["issuer"] = "https://id.example.org.evil.example";
    await expect(providerOf(config)).rejects.toMatchObject({ code: "not_configured" });
    metadata["issuer"] = ISSUER;
    delete metadata["jwks_uri"];
    await expect(providerOf(config)).rejects.toMatchObject({ code: "not_configured" });
  });
});

describe("this edge names itself to the provider", () => {
  const tokenRequest = async (): Promise<{ authorization: string | null; body: URLSearchParams }> => {
    const { client } = await providerOf(config);
    await clientCredentialsGrant(client);
    const request = asked.at(-1);
    if (request === undefined) throw new Error("nothing was asked");
    return {
      authorization: request.headers.get("authorization"),
      body: new URLSearchParams(await request.text()),
    };
  };

  it.each([undefined, ["client_secret_basic", "client_secret_post"], ["client_secret_basic"]])(
    "in the header, where it takes %j",
    async (methods) => {
      if (methods !== undefined) metadata["token_endpoint_auth_methods_supported"] = methods;
      const { authorization, body } = await tokenRequest();
      expect(authorization).toMatch(/^Basic /);
      expect(body.has("client_secret")).toBe(false);
    },
  );

  it("in the body, where it takes nothing else", async () => {
    metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post", "private_key_jwt"];
    const { authorization, body } = await tokenRequest();
    expect([authorization, body.get("client_secret")]).toEqual([null, "the-client-secret"]);
  });

  it("without a secret, where it has none", async () => {
    config = { ...config, clientSecret: null };
    const { authorization, body } = await tokenRequest();
    expect([authorization, body.get("client_id"), body.has("client_secret")]).toEqual([null, "berth", false]);
  });
});
