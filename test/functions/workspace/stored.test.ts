import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sessionId, shareId } from "../../../contract/ids.ts";
import type { Person } from "../../../contract/person.ts";
import { Audit } from "../../../functions/workspace/audit.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { ShareTable } from "../../../functions/workspace/share-table.ts";
import { EARLIER_STORAGE } from "../support/earlier-storage.ts";
import { person } from "../support/people.ts";
import { report, spec } from "../support/samples.ts";

const DAY = 86_400_000;
const NOW = Date.now();
const draw = (bytes: Uint8Array): Uint8Array => crypto.getRandomValues(bytes);

let ana: Person;

beforeEach(async () => {
  ana = await person("ana");
});

afterEach(reset);

const object = () => env.WORKSPACE.getByName(ana.id);
const evict = (): Promise<void> => evictDurableObject(object());
const tables = (): Promise<string[]> =>
  runInDurableObject(object(), (_instance, { storage: { sql } }) =>
    sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      .toArray()
      .map(({ name }) => name)
      .filter((name) => !/^(_cf|sqlite)_/.test(name)),
  );

/** Rows as an earlier edge left them, in tables that it had made. */
async function store(rows: Record<string, readonly Record<string, SqlStorageValue>[]>): Promise<void> {
  await runInDurableObject(object(), (_instance, { storage: { sql } }) => {
    sql.exec(EARLIER_STORAGE);
    for (const [table, all] of Object.entries(rows))
      for (const row of all) {
        const columns = Object.keys(row).map((column) => `"${column}"`);
        const places = columns.map(() => "?").join(", ");
        sql.exec(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`, ...Object.values(row));
      }
  });
  await evict();
}

describe("a workspace that is new", () => {
  it("has the tables that it uses, and no other", async () => {
    expect(await object().sessions("")).toEqual([]);
    expect(await object().notifications()).toEqual([]);
    expect(await tables()).toEqual([]);
    const entered = await partOf(env, ana.id, "access").login(ana, { agent: "", from: null, idToken: null });
    expect(entered.ok).toBe(true);
    expect(await tables()).toEqual(["audit", "logins", "owner", "registry_outbox"]);
    await evict();
    expect((await partOf(env, ana.id, "account").overview(null)).person).toEqual(ana);
  });
});

describe("a workspace that an earlier edge stored", () => {
  const id = sessionId(draw);
  const share = shareId(draw);

  beforeEach(async () => {
    await store({
      sessions: [
        {
          id,
          spec: JSON.stringify(spec(id)),
          want: "cancel",
          report: JSON.stringify(report(id)),
          created: NOW,
        },
      ],
      notifications: [{ session: id, level: "warning", text: "the job waits", at: NOW }],
      meta: [
        { key: "agent", value: JSON.stringify({ version: "0.1.0", host: "login1", user: "ana" }) },
        { key: "epoch", value: "7" },
      ],
      cancellations: [{ session: id, name: "Olga", reason: "maintenance" }],
      audit: [
        { at: NOW, action: "login", by: JSON.stringify({ user: ana.id, name: "Ana", via: "console" }) },
      ],
      logins: [
        {
          id: "login",
          role: "user",
          created: NOW,
          seen: NOW,
          expires: NOW + DAY,
          agent: "a browser",
          generation: 1,
          rotated: NOW,
        },
      ],
      owner: [{ id: 1, person: JSON.stringify(ana) }],
      tokens: [{ id: "token", hash: "", name: "ci", scopes: '["read"]', created: NOW, ended: 0 }],
      agents: [
        {
          id: "agent",
          hash: "",
          beforeUntil: 0,
          host: "login1",
          osUser: "ana",
          version: "0.1.0",
          fingerprint: "SHA256:x",
          created: NOW,
          rotated: NOW,
        },
      ],
      shares: [
        {
          id: share,
          session: id,
          with: JSON.stringify({ kind: "group", name: "lab" }),
          mode: "view",
          created: NOW,
          ends: NOW + DAY,
        },
      ],
      guests: [{ share, login: "theirs", user: ana.id, name: "Ben", entered: NOW, expires: NOW + DAY }],
      deliveries: [
        {
          id: "msg_1",
          session: id,
          type: "session.running",
          body: "{}",
          due: NOW,
          at: NOW,
          died: NOW,
          error: "410",
        },
      ],
    });
  });

  it("opens with its sessions and what was said of them", async () => {
    expect(await object().sessions("")).toMatchObject([
      { id, state: "running", canceledBy: { name: "Olga", reason: "maintenance" } },
    ]);
    expect(await object().notifications()).toMatchObject([{ session: id, text: "the job waits" }]);
    expect(await object().agent()).toMatchObject({ host: "login1", user: "ana" });
  });

  it("opens with whose it is, their logins, tokens and agent", async () => {
    const overview = await partOf(env, ana.id, "account").overview("login");
    expect(overview.person).toEqual(ana);
    expect(overview.logins).toMatchObject([{ id: "login" }]);
    expect(overview.tokens).toMatchObject([{ id: "token", name: "ci", scopes: ["read"] }]);
    expect(await partOf(env, ana.id, "agents").list()).toMatchObject([{ id: "agent", host: "login1" }]);
  });

  it("opens with what it shares, what nobody took, and what was done", async () => {
    const dead = await partOf(env, ana.id, "deliveries").dead();
    expect(dead).toMatchObject([{ id: "msg_1", session: id }]);
    const [first] = await runInDurableObject(object(), (_instance, { storage }) =>
      new Audit(storage.sql).after(0, 1),
    );
    expect(first).toMatchObject({ action: "login", by: { name: "Ana" } });
    const shared = await runInDurableObject(object(), (_instance, { storage }) => {
      const table = new ShareTable(storage.sql);
      return { share: table.share(share), guests: table.guests(share) };
    });
    expect(shared).toMatchObject({ share: { session: id, mode: "view" }, guests: [{ name: "Ben" }] });
  });
});
