import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { personAtProxy, type ProxyConfig } from "../../../functions/auth/proxy-jwt.ts";

const MINUTE = 60_000;

/** The keys at the proxy's address, and whether it answers. */
let published: { kid: string; key: CryptoKey; privateKey: CryptoKey }[];
let answers: boolean;
let asked: number;
let config: ProxyConfig;

async function publish(kid: string): Promise<void> {
  const { publicKey: key, privateKey } = await generateKeyPair("ES256", { extractable: true });
  published = [{ kid, key, privateKey }];
}

beforeEach(async () => {
  [answers, asked] = [true, 0];
  await publish("one");
  config = {
    kind: "header",
    header: "x-access-jwt",
    jwks: "https://proxy.example.org/certs",
    issuer: "https://proxy.example.org",
    audience: "berth",
    own: /^$/,
    groups: { claim: "groups", operators: [], allowed: null },
  };
  vi.spyOn(globalThis, "fetch").mockImplementation(async () => {
    asked += 1;
    if (!answers) throw new TypeError("the network is down");
    const keys = published.map(async ({ kid, key }) => ({ ...(await exportJWK(key)), kid, alg: "ES256" }));
    return Response.json({ keys: await Promise.all(keys) });
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function word(minutes = 60): Promise<Headers> {
  const [signer] = published;
  if (signer === undefined) throw new Error("the proxy has no key");
  const now = Math.floor(Date.now() / 1000);
  const token = await new SignJWT({ sub: "ana", name: "Ana" })
    .setProtectedHeader({ alg: "ES256", kid: signer.kid })
    .setIssuer(config.issuer)
    .setAudience(config.audience)
    .setIssuedAt(now)
    .setExpirationTime(now + minutes * 60)
    .sign(signer.privateKey);
  return new Headers({ "x-access-jwt": token });
}

const later = (ms: number): void => {
  vi.setSystemTime(Date.now() + ms);
};

it("keys that the proxy has replaced are followed, half a minute after they were last read", async () => {
  await personAtProxy(await word(), config);
  await publish("two");
  const headers = await word();
  await expect(personAtProxy(headers, config)).rejects.toMatchObject({ code: "unauthorized" });
  later(MINUTE);
  expect(await personAtProxy(headers, config)).toMatchObject({ name: "Ana" });
  expect(asked).toBe(2);
});

it("a word found good is good until it expires, and asks for nothing more", async () => {
  const headers = await word(60);
  await personAtProxy(headers, config);
  published = [];
  later(59 * MINUTE);
  expect(await personAtProxy(headers, config)).toMatchObject({ name: "Ana" });
  expect(asked).toBe(1);
  later(2 * MINUTE);
  await expect(personAtProxy(headers, config)).rejects.toMatchObject({ code: "unauthorized" });
});

it("keys that could not be read are not the word's fault", async () => {
  answers = false;
  const headers = await word();
  await expect(personAtProxy(headers, config)).rejects.toMatchObject({ code: "provider_unreachable" });
  answers = true;
  expect(await personAtProxy(headers, config)).toMatchObject({ name: "Ana" });
});

it("the word may stand behind `Bearer`", async () => {
  const token = (await word()).get("x-access-jwt") ?? "";
  const asBearer = new Headers({ authorization: `Bearer ${token}` });
  expect(await personAtProxy(asBearer, { ...config, header: "authorization" })).toMatchObject({
    name: "Ana",
  });
});
