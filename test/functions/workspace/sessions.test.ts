import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sessionId } from "../../../contract/ids.ts";
import { Notification, Session, type SessionReport } from "../../../contract/session.ts";
import { TestAgent } from "../support/agent.ts";
import { api, launch, problemOf, sessionNamed, workspace } from "../support/edge.ts";
import { running } from "../support/running.ts";
import { report, spec } from "../support/samples.ts";

let agent: TestAgent;

beforeEach(async () => {
  agent = await TestAgent.connect();
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

const cancel = (id: string): Promise<Response> => api("POST", `/api/sessions/${id}/cancel`);
const sessions = async (): Promise<Session[]> =>
  Session.array().parse(await (await api("GET", "/api/sessions")).json());
const notifications = async (): Promise<Notification[]> =>
  Notification.array().parse(await (await api("GET", "/api/notifications")).json());

/** The agent comes again, and knows these sessions. */
async function reconnect(...known: ({ id: string } & Partial<Omit<SessionReport, "id">>)[]): Promise<void> {
  await agent[Symbol.asyncDispose]();
  agent = await TestAgent.connect({
    sessions: known.map(({ id, ...changes }) => ({ spec: spec(id), report: report(id, changes) })),
  });
}

describe("a session", () => {
  it("is what the agent says of it", async () => {
    const { id } = await launch({ service: "notebook" });
    await agent.report(
      report(id, {
        slug: "tree?path=a b",
        scheme: "sme",
        port: 50_123,
        node: "c1",
        jobId: "48213",
        startedAt: 1_790_000_000_000,
        endsAt: 1_790_000_600_000,
        queue: { position: 3, reason: "Resources", estimatedStart: 1_790_000_100_000 },
      }),
    );
    expect(await sessionNamed(id)).toMatchObject({
      state: "running",
      status: "Running",
      url: "/sme/50123/tree?path=a%20b",
      port: 50_123,
      slug: "tree?path=a%20b",
      node: "c1",
      jobId: "48213",
      startedAt: "2026-09-21T14:13:20.000Z",
      endsAt: "2026-09-21T14:23:20.000Z",
      queue: { position: 3, reason: "Resources", estimatedStart: "2026-09-21T14:15:00.000Z" },
    });
  });

  it("whose slug is an older page's expression is opened on the applications' host", async () => {
    const { id } = await launch({ service: "notebook" });
    const slug = `vnc.html?host="+window.location.host+"/me/51458"+"&dt="+(new Date()).getTime()`;
    await agent.report(report(id, { slug }));
    expect((await sessionNamed(id)).url).toMatch(
      /^\/me\/51458\/vnc\.html\?host=sessions\.localhost:8787\/me\/51458&dt=\d{13}$/,
    );
  });

  it("whose slug cannot be read is listed all the same, with the others", async () => {
    const { id } = await launch({ service: "notebook" });
    const other = await running(agent, { port: 51_500 });
    await agent.report(report(id, { slug: `lab"+alert(1)` }));
    expect(await sessionNamed(id)).toMatchObject({ state: "running", url: "/me/51458/", slug: "" });
    expect((await sessions()).map((session) => session.id)).toEqual([other.id, id]);
  });

  it("shows its error only when it failed", async () => {
    const { id } = await launch({ service: "notebook" });
    await agent.report(report(id, { state: "starting", status: "Starting", error: "not yet" }));
    expect((await sessionNamed(id)).error).toBe("");
    await agent.report(report(id, { state: "failed", status: "Failed", error: "rserver not found" }));
    expect((await sessionNamed(id)).error).toBe("rserver not found");
  });

  it("that is unknown is a problem", async () => {
    for (const response of [await api("GET", "/api/sessions/s000000000000"), await cancel("nothing")])
      expect(await problemOf(response)).toMatchObject({ status: 404, code: "unknown_session", field: "id" });
  });

  it("stays ended, whatever is said of it later", async () => {
    const { id } = await running(agent);
    await agent.report(report(id, { state: "canceled", status: "Canceled", endedAt: 1_790_000_500_000 }));
    const ended = await sessionNamed(id);
    await agent.report(report(id));
    await reconnect({ id });
    expect((await cancel(id)).status).toBe(202);
    expect(await sessionNamed(id)).toEqual(ended);
    expect(ended).toMatchObject({ state: "canceled", canceling: false, endedAt: "2026-09-21T14:21:40.000Z" });
    expect(await agent.untaken()).toEqual([]);
  });

  it("of an agent that reports what nobody launched changes nothing", async () => {
    await agent.report(report(sessionId((bytes) => crypto.getRandomValues(bytes))));
    expect(await sessions()).toEqual([]);
  });
});

describe("the list", () => {
  it("has the newest first, also after an eviction and with adopted ones", async () => {
    const [first, second] = [await running(agent), await running(agent, { port: 51_500 })];
    const old = sessionId((bytes) => crypto.getRandomValues(bytes));
    await reconnect({ id: first.id }, { id: second.id, port: 51_500 }, { id: old, port: 51_600 });
    const before = (await sessions()).map(({ id }) => id);
    expect(before.at(-1)).toBe(old);
    await evictDurableObject(workspace());
    expect((await sessions()).map(({ id }) => id)).toEqual(before);
  });
});

describe("a launch while the agent is away", () => {
  it("is delivered when it comes", async () => {
    await agent[Symbol.asyncDispose]();
    const { id, reachable } = await launch({ service: "notebook" });
    expect(reachable).toBe(false);
    await evictDurableObject(workspace()).catch(() => undefined);
    agent = await TestAgent.dial();
    agent.hello();
    const { wanted } = (await agent.next("welcome")).head;
    expect(wanted).toEqual([{ spec: expect.objectContaining({ id, service: "notebook" }), want: "run" }]);
    expect((await sessionNamed(id)).reachable).toBe(true);
  });
});

describe("a cancel", () => {
  it("is told to the agent, once, and done when the agent says so", async () => {
    const { id } = await running(agent);
    for (const turn of [1, 2]) {
      const response = await cancel(id);
      expect([turn, response.status]).toEqual([turn, 202]);
      expect(await response.json()).toMatchObject({ id, state: "running", canceling: true });
    }
    expect(await agent.untaken()).toEqual([
      { type: "want", wanted: { spec: expect.objectContaining({ id }), want: "cancel" } },
    ]);
    await agent.report(report(id, { state: "canceled", status: "Canceled", endedAt: Date.now() }));
    expect(await sessionNamed(id)).toMatchObject({ state: "canceled", canceling: false });
    expect((await cancel(id)).status).toBe(202);
  });

  it("given while the agent is away is delivered when it comes", async () => {
    const { id } = await running(agent);
    await agent[Symbol.asyncDispose]();
    expect((await cancel(id)).status).toBe(202);
    await evictDurableObject(workspace());
    agent = await TestAgent.dial();
    agent.hello({ sessions: [{ spec: spec(id), report: report(id) }] });
    expect((await agent.next("welcome")).head.wanted).toMatchObject([{ spec: { id }, want: "cancel" }]);
  });

  it("of what no agent has taken up yet is delivered too", async () => {
    await agent[Symbol.asyncDispose]();
    const { id } = await launch({ service: "notebook" });
    await cancel(id);
    agent = await TestAgent.dial();
    agent.hello();
    expect((await agent.next("welcome")).head.wanted).toMatchObject([{ spec: { id }, want: "cancel" }]);
  });
});

describe("what the agent knows of sessions", () => {
  it("is adopted where the edge has lost it", async () => {
    const id = sessionId((bytes) => crypto.getRandomValues(bytes));
    await reconnect({ id, slug: "lab" });
    expect(await sessions()).toMatchObject([
      { id, state: "running", url: "/me/51458/lab", createdAt: "2026-05-28T20:26:40.000Z" },
    ]);
  });

  it("counts when it has come to an end meanwhile", async () => {
    const { id } = await running(agent);
    await reconnect({ id, state: "completed", status: "Completed", endedAt: Date.now() });
    expect((await sessionNamed(id)).state).toBe("completed");
  });

  it("ends what it knows no more, which must not be started again", async () => {
    const { id } = await running(agent);
    await agent[Symbol.asyncDispose]();
    agent = await TestAgent.dial();
    agent.hello();
    expect((await agent.next("welcome")).head.wanted).toEqual([]);
    expect(await sessionNamed(id)).toMatchObject({ state: "failed" });
    expect((await sessionNamed(id)).error).toContain("no longer knows this session");
  });
});

describe("behind the bell", () => {
  it("is that a session runs, and that one failed, with its first line", async () => {
    const { id } = await running(agent);
    await agent.report(report(id, { status: "Running on" }));
    await agent.report(report(id, { state: "failed", status: "Failed", error: "it died\nTraceback …" }));
    expect(await notifications()).toMatchObject([
      { session: id, level: "error", text: "Notebook failed: it died" },
      { session: id, level: "info", text: "Notebook is running" },
    ]);
  });

  it("is what the session itself says", async () => {
    const { id } = await running(agent);
    agent.send({
      type: "notify",
      session: spec(id).id,
      level: "warning",
      text: "<b>ready</b>",
    });
    await agent.untaken();
    expect((await notifications())[0]).toMatchObject({ session: id, level: "warning", text: "<b>ready</b>" });
  });

  it("is kept when the object is evicted, up to a limit", async () => {
    const { id } = await running(agent);
    await runInDurableObject(workspace(), (_instance, { storage }) => {
      storage.sql.exec(
        `WITH RECURSIVE step (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < 600)
         INSERT INTO notifications (session, level, text, at) SELECT ?, 'info', 'step ' || n, n FROM step`,
        id,
      );
    });
    agent.send({ type: "notify", session: spec(id).id, level: "info", text: "the last" });
    await agent.untaken();
    await evictDurableObject(workspace());
    const all = await notifications();
    expect([all.length, all[0]?.text, all[1]?.text]).toEqual([500, "the last", "step 600"]);
  });

  it("is nothing of what was over before", async () => {
    const { id } = await launch({ service: "notebook" });
    await agent.report(report(id, { state: "canceled", status: "Canceled", endedAt: 1 }));
    await agent.report(report(id, { state: "failed", status: "Failed", error: "late" }));
    expect(await notifications()).toEqual([]);
  });
});
