import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LOCAL_USER, type Person } from "../../../contract/person.ts";
import { Intake } from "../../../functions/registry/intake.ts";
import type { EndedSession } from "../../../functions/registry/workspace-report.ts";
import { TestAgent } from "../support/agent.ts";
import { launch, workspace } from "../support/edge.ts";
import { person } from "../support/people.ts";
import { registered, snapshotOf, stopAlarms, tell } from "../support/registry.ts";
import { running } from "../support/running.ts";
import { report } from "../support/samples.ts";

beforeEach(stopAlarms);

afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await reset();
});

const AT = 1_790_000_000_000;
const ended = async (query = {}) => registered("endedSessions").page({ limit: 1000, ...query });

const session = (id: string, changes: Partial<EndedSession> = {}): EndedSession => ({
  id,
  name: id,
  service: "notebook",
  placement: "workspace",
  resource: null,
  node: null,
  state: "completed",
  createdAt: AT,
  startedAt: null,
  error: "",
  endedAt: AT,
  ...changes,
});

let version = 0;
const sync = (owner: Person, sessions: readonly EndedSession[]) =>
  registered("intake").sync(owner.id, {
    version: ++version,
    snapshot: snapshotOf(owner),
    audit: [],
    ended: sessions,
    waitedMs: 0,
  });

describe("a session that has ended", () => {
  it("is told with where it ran, when it ended, and why it failed, in one line", async () => {
    await using agent = await TestAgent.connect();
    const one = await running(agent, { node: "c12" });
    const two = await launch({ service: "notebook", name: "tides" });
    await agent.next("want");
    const error = `rserver was not found${"!".repeat(400)}\nat line 3`;
    await agent.report(report(two.id, { state: "failed", status: "Failed", error, endedAt: AT }));
    await tell(LOCAL_USER);
    expect((await ended()).sessions).toMatchObject([
      { id: two.id, name: "tides", state: "failed", user: LOCAL_USER, endedAt: new Date(AT).toISOString() },
    ]);
    expect((await ended()).sessions[0]?.error).toBe(error.slice(0, 300));
    await agent.report(report(one.id, { state: "completed", node: "c12", endedAt: AT }));
    await tell(LOCAL_USER);
    expect((await ended()).sessions.map(({ id, error: why, node }) => [id, why, node])).toEqual([
      [one.id, "", "c12"],
      [two.id, error.slice(0, 300), null],
    ]);
  });

  it("is told once more after an answer that was lost, through an eviction, and stands there once", async () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with the object that it was taken from
    const { sync: take } = Intake.prototype;
    const spy = vi.spyOn(Intake.prototype, "sync").mockImplementationOnce(async function (
      this: Intake,
      ...args
    ) {
      await take.apply(this, args);
      throw new Error("the answer was lost");
    });
    await using agent = await TestAgent.connect();
    const { id } = await running(agent);
    await agent.report(report(id, { state: "completed", endedAt: AT }));
    await tell(LOCAL_USER);
    await evictDurableObject(workspace());
    await tell(LOCAL_USER, 600_000);
    const told = spy.mock.calls.map(([, { ended: over }]) => over.map((each) => each.id));
    expect(told.filter((ids) => ids.includes(id))).toHaveLength(2);
    expect((await ended()).sessions.map((each) => each.id)).toEqual([id]);
    await running(agent, { port: 51_459 });
    await tell(LOCAL_USER);
    expect(spy.mock.calls.at(-1)?.[1].ended).toEqual([]);
  });

  it("is found by its state, its user, and words, page by page", async () => {
    const [ana, bea] = [await person("ana"), await person("bea")];
    await sync(ana, [session("s1"), session("s2", { state: "failed", error: "No space left on device" })]);
    await sync(bea, [session("s3", { state: "canceled" })]);
    const found = async (query: object) => (await ended(query)).sessions.map(({ id }) => id);
    expect(await found({})).toEqual(["s3", "s2", "s1"]);
    expect(await found({ state: "failed" })).toEqual(["s2"]);
    expect(await found({ user: ana.id })).toEqual(["s2", "s1"]);
    expect(await found({ search: "DEVICE ana" })).toEqual(["s2"]);
    expect(await found({ search: "device bea" })).toEqual([]);
    const first = await ended({ limit: 2 });
    expect(first.sessions.map(({ id }) => id)).toEqual(["s3", "s2"]);
    expect(await ended({ limit: 2, after: first.next })).toMatchObject({
      sessions: [{ id: "s1" }],
      next: null,
    });
  });

  it("stays as it was first told", async () => {
    const ana = await person("ana");
    await sync(ana, [session("s1", { state: "failed", error: "first" })]);
    await sync(ana, [session("s1")]);
    expect((await ended()).sessions).toMatchObject([{ id: "s1", state: "failed", error: "first" }]);
  });

  it("is forgotten when its user has 200 newer ones, who pushes nobody else's out", async () => {
    const [ana, bea] = [await person("ana"), await person("bea")];
    await sync(bea, [session("beas")]);
    const many = Array.from({ length: 230 }, (_, index) => session(`s${index}`));
    await sync(ana, many.slice(0, 120));
    await sync(ana, many.slice(120));
    const { sessions } = await ended();
    expect(sessions).toHaveLength(201);
    expect([sessions[0]?.id, sessions.at(-2)?.id, sessions.at(-1)?.id]).toEqual(["s229", "s30", "beas"]);
  });

  it("is shown whatever time its agent says", async () => {
    await sync(await person("ana"), [
      session("s1", { endedAt: Number.MAX_SAFE_INTEGER, startedAt: -1, createdAt: Number.MIN_SAFE_INTEGER }),
    ]);
    expect((await ended()).sessions).toMatchObject([
      { createdAt: "1970-01-01T00:00:00.000Z", endedAt: "9999-12-31T00:00:00.000Z" },
    ]);
  });
});
