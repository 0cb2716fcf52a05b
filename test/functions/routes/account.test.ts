import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiToken, BrowserLogin, CreatedToken, Me } from "../../../contract/account.ts";
import type { Person, Scope } from "../../../contract/person.ts";
import { makeCredential, readCredential } from "../../../functions/auth/credential.ts";
import type { Caller } from "../../../functions/workspace/api.ts";
import type { AuditEntry } from "../../../functions/workspace/audit.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import type { Browser } from "../support/browser.ts";
import { api, ask, CONSOLE, problemOf, SESSIONS } from "../support/edge.ts";
import { EventReader } from "../support/event-reader.ts";
import { browserOf, person } from "../support/people.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const DAY = 86_400_000;
const JSON_HEADERS = { accept: "application/json", origin: CONSOLE, "content-type": "application/json" };

const post = (browser: Browser, path: string, json: unknown = {}): Promise<Response> =>
  browser.go(CONSOLE + path, { method: "POST", headers: JSON_HEADERS, body: JSON.stringify(json) });

const revoke = (browser: Browser, id: string): Promise<Response> =>
  browser.go(`${CONSOLE}/api/tokens/${id}`, { method: "DELETE", headers: JSON_HEADERS });

/** A token as somebody makes it in their browser. */
async function tokenOf(
  browser: Browser,
  scopes: Scope[],
  more: { name?: string; expiresInDays?: number } = {},
): Promise<CreatedToken> {
  const response = await post(browser, "/api/tokens", { name: "nightly", scopes, ...more });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  return CreatedToken.parse(await response.json());
}

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const asks = (token: string, path: string, init: RequestInit = {}): Promise<Response> =>
  ask(CONSOLE + path, { ...init, ...bearer(token) });
const workspaceOf = ({ id }: Person) => env.WORKSPACE.getByName(id);

/** Everything that somebody's workspace keeps, as text. */
const stored = (somebody: Person): Promise<string> =>
  runInDurableObject(workspaceOf(somebody), (_instance, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      )
      .toArray();
    return JSON.stringify(tables.map(({ name }) => storage.sql.exec(`SELECT * FROM ${name}`).toArray()));
  });

const audit = (somebody: Person): Promise<Pick<AuditEntry, "action" | "detail">[]> =>
  runInDurableObject(workspaceOf(somebody), (_instance, { storage }) =>
    storage.sql
      .exec<Pick<AuditEntry, "action" | "detail">>("SELECT action, detail FROM audit ORDER BY seq")
      .toArray(),
  );

describe("who asks", () => {
  it("is told to a browser", async () => {
    const ana = await person("ana");
    const response = await (await browserOf(ana)).go(`${CONSOLE}/api/me`);
    expect(Me.parse(await response.json())).toEqual({
      user: ana.id,
      name: "Ana",
      email: "ana@example.org",
      role: "user",
      scopes: ["read", "launch"],
      login: "link",
      token: null,
    });
  });

  it("is told to a token, with no more scopes than it has", async () => {
    const ana = await person("ana");
    const { id, token } = await tokenOf(await browserOf(ana), ["read"]);
    expect(await (await asks(token, "/api/me")).json()).toMatchObject({
      user: ana.id,
      name: "Ana",
      scopes: ["read"],
      token: { id, name: "nightly" },
    });
  });

  it("is the local user for the token of a local instance", async () => {
    expect(await (await api("GET", "/api/me")).json()).toMatchObject({
      user: "local",
      role: "operator",
      token: null,
    });
  });
});

describe("a token", () => {
  it("is shown once, and listed without itself", async () => {
    const ana = await person("ana");
    const browser = await browserOf(ana);
    const { token, ...rest } = await tokenOf(browser, ["launch"], { expiresInDays: 30 });
    expect(token).toMatch(/^berth_api_[\w-]+\.[\w-]{43}$/);
    expect(rest).toMatchObject({ name: "nightly", scopes: ["read", "launch"], usedAt: null });
    expect(Date.parse(rest.expiresAt ?? "") - Date.parse(rest.createdAt)).toBe(30 * DAY);
    const listed = ApiToken.array().parse(await (await browser.go(`${CONSOLE}/api/tokens`)).json());
    expect(listed).toEqual([rest]);
  });

  it("is nowhere written down", async () => {
    const ana = await person("ana");
    const { id, token } = await tokenOf(await browserOf(ana), ["read"]);
    await (await asks(token, "/api/me")).body?.cancel();
    const kept = await stored(ana);
    expect(kept).toContain(id);
    for (const part of [token, ...token.replace("berth_api_", "").split(".")])
      expect(kept).not.toContain(part);
  });

  it("shows when it was last used", async () => {
    const browser = await browserOf(await person("ana"));
    const { token } = await tokenOf(browser, ["read"]);
    await (await asks(token, "/api/me")).body?.cancel();
    const [listed] = ApiToken.array().parse(await (await browser.go(`${CONSOLE}/api/tokens`)).json());
    expect(listed?.usedAt).not.toBeNull();
  });

  it("that may read launches nothing, cancels nothing and opens no application", async () => {
    const { token } = await tokenOf(await browserOf(await person("ana")), ["read"]);
    expect((await asks(token, "/api/sessions")).status).toBe(200);
    const refused = [
      await asks(token, "/api/sessions", { method: "POST" }),
      await asks(token, "/api/sessions/s4k2m9x0v7qrt/cancel", { method: "POST" }),
      await asks(token, "/launch/webshell", { method: "POST" }),
      await asks(token, "/sessions/s4k2m9x0v7qrt/cancel", { method: "POST" }),
      await asks(token, "/me/51458/"),
      await asks(token, "/sme/51458/"),
      await ask(`${SESSIONS}/me/51458/`, bearer(token)),
    ];
    for (const response of refused)
      expect(await problemOf(response)).toMatchObject({ status: 403, code: "insufficient_scope" });
  });

  it("that may launch opens applications too", async () => {
    const { token } = await tokenOf(await browserOf(await person("ana")), ["launch"]);
    expect(await problemOf(await asks(token, "/me/51458/"))).toMatchObject({ code: "no_live_session" });
  });

  it("is its user's alone", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const [anas, bens] = [await browserOf(ana), await browserOf(ben)];
    const { id, token } = await tokenOf(anas, ["launch"]);
    const sent = await asks(token, "/api/me", {});
    expect(await sent.json()).toMatchObject({ user: ana.id });
    expect(await (await bens.go(`${CONSOLE}/api/tokens`)).json()).toEqual([]);
    expect((await revoke(bens, id)).status).toBe(404);
    expect((await asks(token, "/api/me")).status).toBe(200);
  });

  it("signed for another user than it was made for is none, even with an id of theirs", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const { id } = await tokenOf(await browserOf(ana), ["launch"]);
    await browserOf(ben);
    const secrets = env.BERTH_COOKIE_SECRET;
    for (const user of [ana.id, ben.id]) {
      const forged = await makeCredential(secrets, { kind: "api", user, id });
      expect((await asks(forged, "/api/me")).status).toBe(401);
    }
  });

  it("that was altered is none", async () => {
    const { token } = await tokenOf(await browserOf(await person("ana")), ["launch"]);
    const [head = "", mac = ""] = token.split(".");
    const flipped = (text: string): string =>
      text.slice(0, -3) + (text.at(-3) === "A" ? "B" : "A") + text.slice(-2);
    const altered = [
      `${flipped(head)}.${mac}`,
      `${head}.${flipped(mac)}`,
      `${head}.${mac.slice(1)}`,
      `${head}.`,
      head,
      token.replace("berth_api_", "berth_agent_"),
      token.replace("berth_api_", ""),
      `${token}x`,
    ];
    for (const each of altered) expect((await asks(each, "/api/me")).status).toBe(401);
    expect((await asks(token, "/api/me")).status).toBe(200);
  });

  it("signed with another secret is none", async () => {
    const ana = await person("ana");
    const { id } = await tokenOf(await browserOf(ana), ["launch"]);
    const foreign = await makeCredential("another-secret", { kind: "api", user: ana.id, id });
    expect(await readCredential(env.BERTH_COOKIE_SECRET, "api", foreign)).toBeUndefined();
    expect((await asks(foreign, "/api/me")).status).toBe(401);
  });

  it("ends when it expires, with its streams", async () => {
    const ana = await person("ana");
    const { token } = await tokenOf(await browserOf(ana), ["read"], { expiresInDays: 1 });
    const events = new EventReader(await asks(token, "/api/events"));
    await events.next();
    vi.setSystemTime(Date.now() + DAY + 1000);
    await runDurableObjectAlarm(workspaceOf(ana));
    await expect(events.next()).rejects.toThrow("gone");
    expect((await asks(token, "/api/me")).status).toBe(401);
  });

  it("ends when it is revoked, with its streams, and nobody else's", async () => {
    const ana = await person("ana");
    const browser = await browserOf(ana);
    const { id, token } = await tokenOf(browser, ["read"]);
    const { token: other } = await tokenOf(browser, ["read"], { name: "other" });
    const events = new EventReader(await asks(token, "/api/events"));
    await using others = new EventReader(await asks(other, "/api/events"));
    await events.next();
    await others.next();
    expect((await revoke(browser, id)).status).toBe(204);
    await expect(events.next()).rejects.toThrow("gone");
    expect((await asks(token, "/api/me")).status).toBe(401);
    expect((await asks(other, "/api/me")).status).toBe(200);
    expect(await problemOf(await revoke(browser, id))).toMatchObject({ status: 404 });
  });

  it("survives the object's eviction, and so does its end", async () => {
    const ana = await person("ana");
    const browser = await browserOf(ana);
    const { id, token } = await tokenOf(browser, ["read"]);
    await evictDurableObject(workspaceOf(ana));
    expect((await asks(token, "/api/me")).status).toBe(200);
    await revoke(browser, id);
    await evictDurableObject(workspaceOf(ana));
    expect((await asks(token, "/api/me")).status).toBe(401);
  });

  it("revokes itself, and no other", async () => {
    const browser = await browserOf(await person("ana"));
    const [one, two] = [
      await tokenOf(browser, ["read"]),
      await tokenOf(browser, ["launch"], { name: "two" }),
    ];
    const path = `/api/tokens/${one.id}`;
    expect(await problemOf(await asks(two.token, path, { method: "DELETE" }))).toMatchObject({
      code: "forbidden",
    });
    expect((await asks(one.token, path, { method: "DELETE" })).status).toBe(204);
    expect((await asks(one.token, "/api/me")).status).toBe(401);
  });

  it("makes no other, and logs nobody out", async () => {
    const ana = await person("ana");
    const browser = await browserOf(ana);
    const { token } = await tokenOf(browser, ["launch"]);
    const [login] = BrowserLogin.array().parse(await (await asks(token, "/api/logins")).json());
    const headers = { "content-type": "application/json", ...bearer(token).headers };
    const body = JSON.stringify({ name: "more", scopes: ["read"] });
    const made = await ask(`${CONSOLE}/api/tokens`, { method: "POST", headers, body });
    expect(await problemOf(made)).toMatchObject({ status: 403, code: "forbidden" });
    const ended = await asks(token, `/api/logins/${login?.id}/end`, { method: "POST" });
    expect(await problemOf(ended)).toMatchObject({ status: 403, code: "forbidden" });
    expect((await browser.go(`${CONSOLE}/api/me`)).status).toBe(200);
  });

  it("leaves its name in the audit log, and nothing else of itself", async () => {
    const ana = await person("ana");
    const browser = await browserOf(ana);
    const { id, token } = await tokenOf(browser, ["launch"]);
    await revoke(browser, id);
    const entries = await audit(ana);
    expect(entries).toEqual([
      { action: "login", detail: null },
      { action: "token.create", detail: "nightly (read, launch)" },
      { action: "token.revoke", detail: "nightly" },
    ]);
    expect(JSON.stringify(entries)).not.toContain(token.slice(-43));
  });
});

describe("the scope operator", () => {
  it("is an operator's to give", async () => {
    const ana = await person("ana");
    const response = await post(await browserOf(ana), "/api/tokens", { name: "all", scopes: ["operator"] });
    expect(await problemOf(response)).toMatchObject({ status: 403, code: "forbidden", field: "scopes" });
  });

  it("is gone from a token whose user is an operator no more, and the rest stays", async () => {
    const { token } = await tokenOf(await browserOf(await person("ana", { role: "operator" })), [
      "launch",
      "operator",
    ]);
    expect(await (await asks(token, "/api/me")).json()).toMatchObject({
      role: "operator",
      scopes: ["read", "launch", "operator"],
    });
    await browserOf(await person("ana", { role: "user" }));
    expect(await (await asks(token, "/api/me")).json()).toMatchObject({
      role: "user",
      scopes: ["read", "launch"],
    });
  });
});

describe("a lock-out", () => {
  it("ends every login and token of one user, with who did it in the audit log", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const [anas, bens] = [await browserOf(ana), await browserOf(ben)];
    const { token } = await tokenOf(anas, ["launch"]);
    const operator: Caller = { user: ben.id, name: "Ben", from: null, via: "console" };
    expect(await partOf(env, ana.id, "account").lockOut(operator)).toEqual({ logins: 1, tokens: 1 });
    expect((await anas.go(`${CONSOLE}/api/me`)).status).toBe(401);
    expect((await asks(token, "/api/me")).status).toBe(401);
    expect((await bens.go(`${CONSOLE}/api/me`)).status).toBe(200);
    expect((await audit(ana)).slice(-2)).toEqual([
      { action: "login.end", detail: null },
      { action: "token.revoke", detail: "nightly" },
    ]);
  });
});

describe("what makes no token", () => {
  it.each([
    ["no name", { scopes: ["read"] }, "name"],
    ["an empty name", { name: "  ", scopes: ["read"] }, "name"],
    ["a long name", { name: "x".repeat(81), scopes: ["read"] }, "name"],
    ["a name with an escape", { name: "a\u001B[2Jb", scopes: ["read"] }, "name"],
    ["a name that turns the text around", { name: "a\u202Eb", scopes: ["read"] }, "name"],
    ["no scope", { name: "x", scopes: [] }, "scopes"],
    ["a scope that is none", { name: "x", scopes: ["write"] }, "scopes.0"],
    ["no time at all", { name: "x", scopes: ["read"], expiresInDays: 0 }, "expiresInDays"],
    ["half a day", { name: "x", scopes: ["read"], expiresInDays: 0.5 }, "expiresInDays"],
    ["an age", { name: "x", scopes: ["read"], expiresInDays: 1e9 }, "expiresInDays"],
    ["more", { name: "x", scopes: ["read"], user: "local" }, "user"],
  ])("%s", async (_what, json, field) => {
    const response = await post(await browserOf(await person("ana")), "/api/tokens", json);
    expect(await problemOf(response)).toMatchObject({ status: 400, field });
  });

  it("a name that another has", async () => {
    const browser = await browserOf(await person("ana"));
    await tokenOf(browser, ["read"]);
    const again = await post(browser, "/api/tokens", { name: "nightly", scopes: ["read"] });
    expect(await problemOf(again)).toMatchObject({ status: 400, field: "name" });
  });

  it("the fifty-first", async () => {
    const browser = await browserOf(await person("ana"));
    for (let count = 0; count < 50; count += 1) await tokenOf(browser, ["read"], { name: `t${count}` });
    const response = await post(browser, "/api/tokens", { name: "t50", scopes: ["read"] });
    expect(await problemOf(response)).toMatchObject({ status: 400 });
  });

  it("a page of another origin", async () => {
    const browser = await browserOf(await person("ana"));
    for (const origin of [SESSIONS, "https://evil.example", "null"]) {
      const headers = { ...JSON_HEADERS, origin };
      const body = JSON.stringify({ name: "x", scopes: ["read"] });
      const response = await browser.go(`${CONSOLE}/api/tokens`, { method: "POST", headers, body });
      expect(response.status).toBe(403);
    }
  });
});

describe("the logins", () => {
  it("are listed, and which of them asks", async () => {
    const ana = await person("ana");
    const [laptop] = [await browserOf(ana), await browserOf(ana), await browserOf(await person("ben"))];
    const logins = BrowserLogin.array().parse(await (await laptop.go(`${CONSOLE}/api/logins`)).json());
    expect(logins).toHaveLength(2);
    expect(logins.filter(({ current }) => current)).toHaveLength(1);
  });

  it("are ended one by one, with their streams", async () => {
    const ana = await person("ana");
    const [laptop, phone] = [await browserOf(ana), await browserOf(ana)];
    const events = new EventReader(await phone.go(`${CONSOLE}/api/events`));
    await events.next();
    const logins = BrowserLogin.array().parse(await (await laptop.go(`${CONSOLE}/api/logins`)).json());
    const other = logins.find(({ current }) => !current)?.id ?? "";
    expect((await post(laptop, `/api/logins/${other}/end`)).status).toBe(204);
    await expect(events.next()).rejects.toThrow("gone");
    expect((await phone.go(`${CONSOLE}/api/me`)).status).toBe(401);
    expect((await laptop.go(`${CONSOLE}/api/me`)).status).toBe(200);
    expect(await problemOf(await post(laptop, `/api/logins/${other}/end`))).toMatchObject({ status: 404 });
  });

  it("of another user cannot be ended", async () => {
    const [ana, ben] = [await person("ana"), await person("ben")];
    const [anas, bens] = [await browserOf(ana), await browserOf(ben)];
    const { logins } = await partOf(env, ben.id, "account").overview(null);
    expect((await post(anas, `/api/logins/${logins[0]?.id}/end`)).status).toBe(404);
    expect((await bens.go(`${CONSOLE}/api/me`)).status).toBe(200);
  });
});
