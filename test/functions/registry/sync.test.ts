import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SessionId } from "../../../contract/ids.ts";
import { LOCAL_USER } from "../../../contract/person.ts";
import { Intake } from "../../../functions/registry/intake.ts";
import { TestAgent } from "../support/agent.ts";
import { api, launch, workspace } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { registered, registry, stopAlarms, tell } from "../support/registry.ts";
import { running } from "../support/running.ts";
import { report, service, spec } from "../support/samples.ts";

beforeEach(stopAlarms);

afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await reset();
});

const PATIENCE = { timeout: 20_000 };

const users = () => registered("users").list({ limit: 100 });
const lines = () => registered("auditLog").page({}, { order: "oldest", limit: 1000 });
const actions = async () => (await lines()).map(({ action }) => action);
const sessions = async () => (await registered("sessions").page({ limit: 100 })).sessions;
const local = async () => (await users()).find(({ user }) => user.id === LOCAL_USER)?.workspace;

/** When the workspace's alarm is to ring; null: it sleeps until something happens. */
const alarm = () => runInDurableObject(workspace(), (_instance, { storage }) => storage.getAlarm());

/** A registry that takes a report, `times` times, and then says that it could not. */
function failAfterTaking(times: number): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with the object that it was taken from
  const { sync } = Intake.prototype;
  let left = times;
  vi.spyOn(Intake.prototype, "sync").mockImplementation(async function (this: Intake, ...args) {
    const receipt = await sync.apply(this, args);
    left -= 1;
    if (left >= 0) throw new Error("the answer was lost");
    return receipt;
  });
}

describe("the registry", () => {
  it("knows nobody whose workspace has nothing to tell", async () => {
    await workspace().agent();
    expect(await tell(LOCAL_USER)).toBe(false);
    expect(await users()).toEqual([]);
  });

  it("knows who has logged in, some moments later", async () => {
    const ana = await person("ana", { groups: ["physics"] });
    await browserOf(ana);
    expect(await users()).toEqual([]);
    expect(await tell(ana.id)).toBe(true);
    const [known] = await users();
    expect(known?.user).toMatchObject({ id: ana.id, name: "Ana", email: ana.email, groups: ["physics"] });
    expect(known?.workspace).toMatchObject({ online: false, host: null, version: null });
  });

  it("is told no more of what an agent says of its sessions than anybody reads", async () => {
    const long = "x".repeat(5000);
    const id = SessionId.parse("s4k2m9x0v7qrt");
    const told = { spec: spec(id, { name: long, resource: long }), report: report(id, { node: long }) };
    await using _agent = await TestAgent.connect({ sessions: [told] });
    await tell(LOCAL_USER);
    expect(JSON.stringify(await sessions()).length).toBeLessThan(2000);
  });

  it("knows an agent that came, and that it went", async () => {
    const agent = await TestAgent.connect();
    await tell(LOCAL_USER);
    expect(await local()).toMatchObject({ online: true, host: "workspace", version: "0.1.0" });
    await agent[Symbol.asyncDispose]();
    await vi.waitFor(async () => {
      await tell(LOCAL_USER);
      expect(await local()).toMatchObject({ online: false, host: "workspace" });
    }, PATIENCE);
  });

  it("knows the live sessions, and how many there are of which state", async () => {
    await using agent = await TestAgent.connect();
    const one = await running(agent, { node: "c12" });
    const two = await launch({ service: "notebook", name: "tides" });
    await tell(LOCAL_USER);
    expect(await sessions()).toMatchObject([
      { id: two.id, name: "tides", state: "submitted", user: LOCAL_USER, reachable: true },
      { id: one.id, state: "running", node: "c12" },
    ]);
    expect((await local())?.sessions).toMatchObject({ submitted: 1, running: 1, completed: 0 });

    await agent.report(report(one.id, { state: "completed", endedAt: Date.now() }));
    await tell(LOCAL_USER);
    expect((await sessions()).map(({ id }) => id)).toEqual([two.id]);
    expect((await local())?.sessions).toMatchObject({ submitted: 1, running: 0, completed: 1 });
  });

  it("is not told of what it would not keep: a place in the queue wakes nobody", async () => {
    await using agent = await TestAgent.connect();
    const { id } = await running(agent, { state: "queued", status: "Queued", queue: { position: 9 } });
    await tell(LOCAL_USER);
    expect(await alarm()).toBe(null);
    await agent.report(report(id, { state: "queued", status: "Queued", queue: { position: 8 } }));
    expect(await alarm()).toBe(null);
    await agent.report(report(id, { state: "starting", status: "Starting" }));
    expect(await alarm()).not.toBe(null);
  });

  it("never hears of an idle workspace", async () => {
    await using _agent = await TestAgent.connect();
    await tell(LOCAL_USER);
    expect(await alarm()).toBe(null);
    expect(await tell(LOCAL_USER)).toBe(false);
  });

  it("hears of many changes in one report", async () => {
    const sync = vi.spyOn(Intake.prototype, "sync");
    await using agent = await TestAgent.connect();
    for (let index = 0; index < 5; index += 1) await running(agent, { port: 51_458 + index });
    await tell(LOCAL_USER);
    expect(sync).toHaveBeenCalledTimes(1);
    expect(await sessions()).toHaveLength(5);
  });
});

describe("a workspace", () => {
  it("tells what happened while its report was on its way", async () => {
    const ana = await person("ana");
    // oxlint-disable-next-line typescript/unbound-method -- called with the object that it was taken from
    const { sync } = Intake.prototype;
    const spy = vi.spyOn(Intake.prototype, "sync").mockImplementationOnce(async function (
      this: Intake,
      ...args
    ) {
      const receipt = await sync.apply(this, args);
      await browserOf({ ...ana, name: "Ana Maria" });
      return receipt;
    });
    await browserOf(ana);
    await tell(ana.id);
    await tell(ana.id);
    expect(await actions()).toEqual(["login", "login"]);
    expect((await users())[0]?.user.name).toBe("Ana Maria");
    const { length } = spy.mock.calls;
    await tell(ana.id);
    expect(spy.mock.calls).toHaveLength(length);
  });

  it("whose link was cut with it says so when it lives again", async () => {
    await using _agent = await TestAgent.connect();
    await tell(LOCAL_USER);
    await evictDurableObject(workspace(), { webSockets: "close" });
    await workspace().agent();
    await tell(LOCAL_USER);
    expect(await local()).toMatchObject({ online: false, host: "workspace" });
  });

  it("is of use while the registry is not: no request of its user's waits for it", async () => {
    const { promise, reject } = Promise.withResolvers<never>();
    const sync = vi.spyOn(Intake.prototype, "sync").mockReturnValue(promise);
    vi.spyOn(console, "warn").mockReturnValue();
    await using agent = await TestAgent.connect();
    const ringing = tell(LOCAL_USER);
    await vi.waitFor(() => expect(sync).toHaveBeenCalled(), PATIENCE);
    const { id } = await running(agent);
    expect((await api("POST", `/api/sessions/${id}/cancel`)).status).toBe(202);
    await runInDurableObject(registry(), () => reject(new Error("it was never there")));
    expect(await ringing).toBe(true);
  });
});

describe("an audit entry", () => {
  it("is in the log once, though the registry's answer to it was lost", async () => {
    failAfterTaking(2);
    vi.spyOn(console, "warn").mockReturnValue();
    const ana = await person("ana");
    await browserOf(ana);
    await tell(ana.id);
    await tell(ana.id, 600_000);
    expect(await actions()).toEqual(["login"]);
    await browserOf(ana);
    await tell(ana.id, 600_000);
    expect(await actions()).toEqual(["login", "login"]);
  });

  it("waits for a registry that fails, and is told later and later until it does not", async () => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    const sync = vi.spyOn(Intake.prototype, "sync").mockRejectedValue(new Error("no"));
    const ana = await person("ana");
    await browserOf(ana);
    const stub = env.WORKSPACE.getByName(ana.id);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt += 1) {
      await tell(ana.id, 600_000);
      const due = await runInDurableObject(stub, (_instance, { storage }) => storage.getAlarm());
      waits.push((due ?? 0) - Date.now());
    }
    expect(warn).toHaveBeenCalled();
    expect(waits[0]).toBeLessThanOrEqual(8000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(300_000);
    expect(Math.min(...waits.slice(9))).toBeGreaterThanOrEqual(150_000);
    expect(await users()).toEqual([]);
    sync.mockRestore();
    await tell(ana.id, 600_000);
    expect(await actions()).toEqual(["login"]);
  });

  it("survives the workspace's eviction before it was told, and the registry's after", async () => {
    const ana = await person("ana");
    await browserOf(ana);
    await evictDurableObject(env.WORKSPACE.getByName(ana.id));
    await tell(ana.id);
    await evictDurableObject(registry());
    expect(await actions()).toEqual(["login"]);
    await evictDurableObject(env.WORKSPACE.getByName(ana.id));
    await browserOf(ana);
    await tell(ana.id);
    expect(await lines()).toMatchObject([
      {
        id: 1,
        user: ana.id,
        userName: "Ana",
        action: "login",
        by: { user: ana.id, name: "Ana", via: "console" },
      },
      { id: 2, user: ana.id, action: "login" },
    ]);
  });

  it("comes in batches when there are many", async () => {
    const sync = vi.spyOn(Intake.prototype, "sync");
    const ana = await person("ana");
    for (let count = 0; count < 205; count += 1) await browserOf(ana);
    await tell(ana.id);
    expect(sync.mock.calls.map(([, { audit }]) => audit.length)).toEqual([200, 5]);
    expect(await lines()).toHaveLength(205);
  });

  it("holds nothing that was typed into a launch", async () => {
    await using agent = await TestAgent.connect({
      services: [service({ inputs: [{ name: "secret", type: "password" }] })],
    });
    const { id } = await launch({ service: "notebook", inputs: { secret: "open sesame" } });
    await agent.next("want");
    await api("POST", `/api/sessions/${id}/cancel`);
    await tell(LOCAL_USER);
    expect(await actions()).toEqual(expect.arrayContaining(["session.launch", "session.cancel"]));
    const kept = await runInDurableObject(registry(), (_instance, { storage }) =>
      JSON.stringify(
        storage.sql
          .exec<{ name: string }>(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
          )
          .toArray()
          .map(({ name }) => storage.sql.exec(`SELECT * FROM "${name}"`).toArray()),
      ),
    );
    expect(kept).toContain(id);
    expect(kept).not.toContain("sesame");
  });
});

describe("a late report", () => {
  it("does not undo a newer one", async () => {
    const ana = await person("ana");
    await browserOf(ana);
    const sync = vi.spyOn(Intake.prototype, "sync");
    await tell(ana.id);
    const [user, old] = sync.mock.calls[0] ?? [];
    await browserOf({ ...ana, name: "Ana Maria" });
    await tell(ana.id);
    if (user === undefined || old === undefined) throw new Error("nothing was told");
    await registered("intake").sync(user, old);
    expect((await users())[0]?.user.name).toBe("Ana Maria");
    expect(await lines()).toHaveLength(2);
  });
});

describe("two thousand workspaces", () => {
  it("are told to spread their reports over five seconds", async () => {
    const one = await person("one");
    await browserOf(one);
    const sync = vi.spyOn(Intake.prototype, "sync");
    await tell(one.id);
    await runInDurableObject(registry(), (_instance, { storage }) =>
      storage.sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
         INSERT INTO users SELECT 'u' || i, version, told, person, words, seen, host, account, agent_version, online,
           since, counts, dead FROM users, n`,
      ),
    );
    await evictDurableObject(registry());
    await browserOf(one);
    await tell(one.id);
    expect(await sync.mock.results[1]?.value).toMatchObject({ spreadMs: 5_000 });
  });
});
