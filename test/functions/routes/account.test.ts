import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiToken, Me } from "../../../contract/account.ts";
import type { Person } from "../../../contract/person.ts";
import type { AuditEntry } from "../../../functions/workspace/audit.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { askWith, revoke, tokenOf, workspaceOf } from "../support/account.ts";
import { api, CONSOLE, problemOf } from "../support/edge.ts";
import { agentOf } from "../support/enrolled.ts";
import { EventReader } from "../support/event-reader.ts";
import { browserOf, person } from "../support/people.ts";
import { stopAlarms } from "../support/registry.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const DAY = 86_400_000;

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
    expect(await (await askWith(token, "/api/me")).json()).toMatchObject({
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
    await (await askWith(token, "/api/me")).body?.cancel();
    const kept = await stored(ana);
    expect(kept).toContain(id);
    for (const part of [token, ...token.replace("berth_api_", "").split(".")])
      expect(kept).not.toContain(part);
  });

  it("shows when it was last used", async () => {
    const browser = await browserOf(await person("ana"));
    const { token } = await tokenOf(browser, ["read"]);
    await (await askWith(token, "/api/me")).body?.cancel();
    const [listed] = ApiToken.array().parse(await (await browser.go(`${CONSOLE}/api/tokens`)).json());
    expect(listed?.usedAt).not.toBeNull();
  });

  it("ends when it expires, with its streams", async () => {
    stopAlarms();
    const ana = await person("ana");
    const { token } = await tokenOf(await browserOf(ana), ["read"], { expiresInDays: 1 });
    const events = new EventReader(await askWith(token, "/api/events"));
    await events.next();
    vi.setSystemTime(Date.now() + DAY + 1000);
    await runDurableObjectAlarm(workspaceOf(ana));
    await expect(events.next()).rejects.toThrow("gone");
    expect((await askWith(token, "/api/me")).status).toBe(401);
  });

  it("ends when it is revoked, with its streams, and nobody else's", async () => {
    const ana = await person("ana");
    const browser = await browserOf(ana);
    const { id, token } = await tokenOf(browser, ["read"]);
    const { token: other } = await tokenOf(browser, ["read"], { name: "other" });
    const events = new EventReader(await askWith(token, "/api/events"));
    await using others = new EventReader(await askWith(other, "/api/events"));
    await events.next();
    await others.next();
    expect((await revoke(browser, id)).status).toBe(204);
    await expect(events.next()).rejects.toThrow("gone");
    expect((await askWith(token, "/api/me")).status).toBe(401);
    expect((await askWith(other, "/api/me")).status).toBe(200);
    expect(await problemOf(await revoke(browser, id))).toMatchObject({ status: 404 });
  });

  it("ends what its agent has open for it, too", async () => {
    const ana = await person("ana");
    const browser = await browserOf(ana);
    await using agent = await agentOf(ana);
    const { id } = await tokenOf(browser, ["launch"]);
    await revoke(browser, id);
    expect((await agent.next("evict")).head).toEqual({ type: "evict", visitor: `token:${id}` });
  });

  it("is in use as long as its connections are", async () => {
    const ana = await person("ana");
    const { id } = await tokenOf(await browserOf(ana), ["launch"]);
    await using agent = await agentOf(ana);
    agent.send({ type: "active", visitors: [`token:${id}`] });
    await agent.untaken();
    expect((await partOf(env, ana.id, "account").overview(null)).tokens[0]?.usedAt).not.toBeNull();
  });

  it("that has expired is listed for a month, and makes room for another of its name", async () => {
    stopAlarms();
    const ana = await person("ana");
    await tokenOf(await browserOf(ana), ["read"], { expiresInDays: 1 });
    const { logins, tokens } = await partOf(env, ana.id, "account").overview(null);
    expect([logins.length, tokens.length]).toEqual([1, 1]);
    vi.setSystemTime(Date.now() + 2 * DAY);
    await runDurableObjectAlarm(workspaceOf(ana));
    await tokenOf(await browserOf(ana), ["read"]);
    expect((await partOf(env, ana.id, "account").overview(null)).tokens).toHaveLength(2);
    vi.setSystemTime(Date.now() + 31 * DAY);
    await runDurableObjectAlarm(workspaceOf(ana));
    expect((await partOf(env, ana.id, "account").overview(null)).tokens).toHaveLength(1);
  });

  it("survives the object's eviction, and so does its end", async () => {
    const ana = await person("ana");
    const browser = await browserOf(ana);
    const { id, token } = await tokenOf(browser, ["read"]);
    await evictDurableObject(workspaceOf(ana));
    expect((await askWith(token, "/api/me")).status).toBe(200);
    await revoke(browser, id);
    await evictDurableObject(workspaceOf(ana));
    expect((await askWith(token, "/api/me")).status).toBe(401);
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
