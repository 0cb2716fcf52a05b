import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SessionId, ShareId } from "../../../contract/ids.ts";
import { LOCAL_USER } from "../../../contract/person.ts";
import { cookieName, issueCookie } from "../../../functions/auth/cookie.ts";
import { askerOf } from "../../../functions/auth/guest.ts";
import { userIdOf } from "../../../functions/auth/person-id.ts";
import { issueShareCookie, type ShareClaims } from "../../../functions/auth/share-cookie.ts";
import type { Env } from "../../../functions/env.ts";
import { originOf } from "../../../functions/origin.ts";
import { originOfSession } from "../support/sharing.ts";

const ISSUER = "https://proxy.example.org";
const SESSION = SessionId.parse("s4k2m9x0v7qrt");
const secrets = env.BERTH_COOKIE_SECRET;
const moment = { secure: false, now: Date.now() };
const ben = await userIdOf(ISSUER, "ben");

const claims: ShareClaims = {
  guest: ben,
  login: "l1",
  owner: LOCAL_USER,
  session: SESSION,
  share: ShareId.parse("h4k2m9x0v7qrt"),
  expires: Date.now() + 3_600_000,
};

const pair = (set: string): string => set.split(";", 1)[0] ?? "";
const shareCookie = async (changes: Partial<ShareClaims> = {}): Promise<string> =>
  pair(await issueShareCookie(secrets, { ...claims, ...changes }, moment));

async function ownCookie(user: ShareClaims["guest"]): Promise<string> {
  const { expires } = claims;
  const said = { user, role: "user", login: "l2", generation: 1, issued: 0, expires } as const;
  return pair(await issueCookie(secrets, SESSION, said, moment));
}

const asker = (path: string, headers: Record<string, string>, bindings: Env = env) => {
  const request = new Request(originOfSession(SESSION) + path, { headers });
  return askerOf(request, originOf(request.url), bindings);
};

afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

describe("on a session's own host", () => {
  it("a guest is one on the guests' address, whatever else their browser has", async () => {
    const cookie = `${await ownCookie(ben)}; ${await shareCookie()}`;
    for (const path of [`/s/${SESSION}/`, "/me/51458/"])
      expect(await asker(path, { cookie })).toMatchObject({ kind: "guest", guest: ben, owner: LOCAL_USER });
  });

  it("its owner is its owner, though somebody was a guest in the same browser", async () => {
    const cookie = `${await shareCookie()}; ${await ownCookie(LOCAL_USER)}`;
    expect(await asker("/me/51458/", { cookie })).toMatchObject({ kind: "browser", user: LOCAL_USER });
  });

  it.each([
    ["of another session", { session: SessionId.parse("s0000000000x0") }],
    ["of a time that is over", { expires: Date.now() - 1 }],
  ])("a guest's cookie %s is none", async (_of, changes) => {
    const cookie = await shareCookie(changes);
    for (const path of [`/s/${SESSION}/`, "/me/51458/"])
      await expect(asker(path, { cookie })).rejects.toMatchObject({ code: "unauthorized" });
  });

  it("a value that was signed for something else is no guest's", async () => {
    const [, value = ""] = (await ownCookie(ben)).split(/=(.*)/s);
    const cookie = `berth_share=${value}`;
    await expect(asker(`/s/${SESSION}/`, { cookie })).rejects.toMatchObject({ code: "unauthorized" });
  });

  it("over HTTPS the browser itself holds the cookie to the host", async () => {
    const set = await issueShareCookie(secrets, claims, { ...moment, secure: true });
    const name = cookieName("berth_share", true);
    expect(name).toMatch(/^__Host-/);
    expect(set.startsWith(`${name}=`)).toBe(true);
    expect(set).toMatch(/; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure$/);
    const request = new Request(`https://${SESSION}.sessions.localhost:8787/s/${SESSION}/`, {
      headers: { cookie: pair(set).replace(name, "berth_share") },
    });
    await expect(askerOf(request, originOf(request.url), env)).rejects.toMatchObject({
      code: "unauthorized",
    });
  });
});

describe("behind an access proxy", () => {
  let bindings: Env;
  let jwt: (subject: string) => Promise<string>;

  beforeEach(async () => {
    const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: "1", alg: "RS256", use: "sig" };
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => Response.json({ keys: [jwk] }));
    jwt = (subject) =>
      new SignJWT({ name: subject })
        .setProtectedHeader({ alg: "RS256", kid: "1" })
        .setSubject(subject)
        .setIssuer(ISSUER)
        .setAudience("berth")
        .setExpirationTime("1h")
        .sign(privateKey);
    bindings = {
      ...env,
      BERTH_LOGIN: "header",
      BERTH_PROXY_HEADER: "x-proxy-jwt",
      BERTH_PROXY_JWKS: `${ISSUER}/keys`,
      BERTH_PROXY_ISSUER: ISSUER,
      BERTH_PROXY_AUDIENCE: "berth",
    };
  });

  it("a guest's cookie is good for whom the proxy names, and nobody else", async () => {
    const cookie = await shareCookie();
    const as = async (subject: string) =>
      asker(`/s/${SESSION}/`, { cookie, "x-proxy-jwt": await jwt(subject) }, bindings);
    expect(await as("ben")).toMatchObject({ kind: "guest", guest: ben });
    await expect(as("cy")).rejects.toMatchObject({ code: "unauthorized" });
    await expect(asker(`/s/${SESSION}/`, { cookie }, bindings)).rejects.toMatchObject({
      code: "unauthorized",
    });
  });
});
