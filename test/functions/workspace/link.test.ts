import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Session } from "../../../contract/session.ts";
import { PROTOCOL_VERSION } from "../../../contract/version.ts";
import { TestAgent } from "../support/agent.ts";
import { Browser } from "../support/browser.ts";
import {
  api,
  asAgent,
  asApi,
  ask,
  CONSOLE,
  launch,
  problemOf,
  sessionNamed,
  SESSIONS,
  workspace,
} from "../support/edge.ts";
import { stopAlarms } from "../support/registry.ts";
import { running } from "../support/running.ts";
import { report, spec } from "../support/samples.ts";

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await reset();
});

describe("a hello", () => {
  it("is answered with a welcome that names every session that has not ended", async () => {
    await using first = await TestAgent.connect();
    const wanted = await launch({ service: "notebook" });
    const canceled = await launch({ service: "notebook" });
    await api("POST", `/api/sessions/${canceled.id}/cancel`);
    const ended = await running(first);
    await first.report(report(ended.id, { state: "completed", status: "Completed", endedAt: Date.now() }));

    await using agent = await TestAgent.dial();
    agent.hello();
    const { head } = await agent.next("welcome");
    expect(head.protocol).toBe(PROTOCOL_VERSION);
    expect(head.wanted.map(({ spec: { id }, want }) => ({ id, want }))).toEqual(
      expect.arrayContaining([
        { id: wanted.id, want: "run" },
        { id: canceled.id, want: "cancel" },
      ]),
    );
    expect(head.wanted).toHaveLength(2);
  });

  it("raises the epoch each time", async () => {
    const epochs: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) {
      await using agent = await TestAgent.dial();
      agent.hello();
      epochs.push((await agent.next("welcome")).head.epoch);
    }
    expect(epochs).toEqual([1, 2, 3]);
  });

  it.each([
    [PROTOCOL_VERSION + 1, "upgrade the edge"],
    [PROTOCOL_VERSION - 1, "upgrade the agent"],
  ])("of protocol %i is refused, and both sides are told: %s", async (protocol, advice) => {
    await using agent = await TestAgent.dial();
    // What else a hello of another version holds, nobody can know.
    agent.sendRaw(JSON.stringify({ type: "hello", protocol, agent: { version: "7.0.0", whatever: 1 } }));
    const { head } = await agent.next("refused");
    expect(head.code).toBe("protocol_mismatch");
    expect(head.message).toContain(advice);
    expect(head.message).toContain(String(protocol));
    expect(await agent.closed).toEqual({ code: 1008, reason: "protocol_mismatch" });
    const upgrade = protocol < PROTOCOL_VERSION ? "agent" : "edge";
    expect(await (await api("GET", "/api/agent")).json()).toMatchObject({
      online: false,
      mismatch: { version: "7.0.0", protocol, edgeProtocol: PROTOCOL_VERSION, upgrade },
    });
    const page = await (await (await Browser.loggedIn()).go(`${CONSOLE}/`)).text();
    expect(page).toContain(`Agent version 7.0.0 speaks protocol ${protocol}, this edge ${PROTOCOL_VERSION}`);
    await using _upgraded = await TestAgent.connect();
    expect(await (await api("GET", "/api/agent")).json()).toMatchObject({ online: true, mismatch: null });
  });

  it.each([
    ["another frame", JSON.stringify({ type: "catalogue", services: [] })],
    ["text that is no JSON", "hello"],
    ["a hello that lacks its fields", JSON.stringify({ type: "hello", protocol: PROTOCOL_VERSION })],
    ["bytes", new Uint8Array([0, 0, 0, 1, 123])],
  ])("cannot be %s", async (_what, message) => {
    await using agent = await TestAgent.dial();
    agent.sendRaw(message);
    expect((await agent.next("refused")).head.code).toBe("invalid_request");
    expect((await agent.closed).code).toBe(1008);
  });

  it("is not needed to be counted: a socket that has not said it is nobody", async () => {
    await using agent = await TestAgent.connect();
    await using silent = await TestAgent.dial();
    const session = await launch({ service: "notebook" });
    expect((await agent.next("want")).head.wanted.spec.id).toBe(session.id);
    await silent[Symbol.asyncDispose]();
    expect(await agent.untaken()).toEqual([]);
    expect((await sessionNamed(session.id)).reachable).toBe(true);
  });
});

it("a plain GET of the link is told that the link is a WebSocket", async () => {
  const response = await ask(`${CONSOLE}/agent/link`, { headers: asAgent });
  expect(await problemOf(response)).toMatchObject({ status: 400, code: "invalid_request" });
});

it.each([
  ["no JSON", "garbage"],
  ["an unknown type", JSON.stringify({ type: "exec", command: "id" })],
  ["a report of what is no state", JSON.stringify({ type: "report", report: { id: "s", state: "happy" } })],
  ["bytes that end within their head", new Uint8Array([0, 0, 255, 255, 123])],
  ["no bytes at all", new Uint8Array(0)],
])("a frame that is %s closes the link, and the edge's log says why", async (_what, message) => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  await using agent = await TestAgent.connect();
  agent.sendRaw(message);
  expect((await agent.closed).code).toBe(1008);
  expect(await (await api("GET", "/api/agent")).json()).toMatchObject({ online: false });
  expect(warn).toHaveBeenCalledOnce();
});

describe("a second agent", () => {
  it("takes the link from the first", async () => {
    await using first = await TestAgent.connect();
    await using second = await TestAgent.connect();
    expect(await first.closed).toMatchObject({ code: 4000 });
    const session = await launch({ service: "notebook" });
    expect((await second.next("want")).head.wanted.spec.id).toBe(session.id);
    expect((await sessionNamed(session.id)).reachable).toBe(true);
  });

  it("is not disturbed by what the first still says", async () => {
    // One that does not answer the close can still speak.
    await using first = await TestAgent.dial({ deaf: true });
    first.hello();
    await first.next("welcome");
    const session = await running(first);
    await using second = await TestAgent.dial();
    second.hello({ sessions: [{ spec: spec(session.id), report: report(session.id) }] });
    await second.next("welcome");
    await first.closed;
    first.send({
      type: "report",
      report: report(session.id, { state: "failed", status: "Failed", error: "late" }),
    });
    first.sendRaw("garbage");
    expect(await second.untaken()).toEqual([]);
    expect(await sessionNamed(session.id)).toMatchObject({ state: "running", reachable: true });
  });

  it("ends the answers that the first was giving", async () => {
    await using first = await TestAgent.connect();
    const session = await running(first);
    const unanswered = api("GET", `${session.url}a`);
    await first.next("request");
    const half = api("GET", `${session.url}b`);
    const { id } = (await first.next("request")).head;
    first.send(
      { type: "response", id, status: 200, headers: [], length: null, end: false },
      new Uint8Array(3),
    );
    const { body } = await half;
    await using second = await TestAgent.connect();
    expect(await problemOf(await unanswered)).toMatchObject({ status: 503, code: "agent_offline" });
    await expect(new Response(body).arrayBuffer()).rejects.toThrow("disconnected");
    await second.untaken();
  });
});

describe("while the object is evicted and the link hibernates", () => {
  it("the next request still reaches the agent, and the sessions are there", async () => {
    await using agent = await TestAgent.connect();
    const session = await running(agent);
    await evictDurableObject(workspace());
    expect(await sessionNamed(session.id)).toEqual(session);
    const answer = api("GET", `${session.url}tree`);
    const { head } = await agent.next("request");
    expect(head.path).toBe("/tree");
    agent.send(
      { type: "response", id: head.id, status: 200, headers: [], length: 2, end: true },
      new TextEncoder().encode("ok"),
    );
    expect(await (await answer).text()).toBe("ok");
  });

  it("the agent's own frames wake it", async () => {
    await using agent = await TestAgent.connect();
    const session = await running(agent);
    await evictDurableObject(workspace());
    await agent.report(report(session.id, { status: "Running still" }));
    expect((await sessionNamed(session.id)).status).toBe("Running still");
  });

  it("a replaced link stays replaced", async () => {
    await using first = await TestAgent.connect();
    await using second = await TestAgent.connect();
    await first.closed;
    await evictDurableObject(workspace());
    const session = await launch({ service: "notebook" });
    expect((await second.next("want")).head.wanted.spec.id).toBe(session.id);
  });

  it("a replaced link that never closed is not taken up again", async () => {
    await using first = await TestAgent.dial({ deaf: true });
    first.hello();
    await first.next("welcome");
    const second = await TestAgent.connect();
    await first.closed;
    await second[Symbol.asyncDispose]();
    await evictDurableObject(workspace());
    expect(await (await api("GET", "/api/agent")).json()).toMatchObject({ online: false });
  });

  it("a ping is answered without waking it", async () => {
    stopAlarms();
    await using agent = await TestAgent.connect();
    await evictDurableObject(workspace());
    await agent.ping();
    // Only a running object can be evicted.
    await expect(evictDurableObject(workspace())).rejects.toThrow("Cannot evict");
  });
});

describe("without its agent", () => {
  const expectUnreachable = ({ id }: Session): Promise<void> =>
    vi.waitFor(async () => expect((await sessionNamed(id)).reachable).toBe(false), { timeout: 20_000 });

  it("a session keeps its last state and is not reachable", async () => {
    await using agent = await TestAgent.connect();
    const session = await running(agent);
    await agent[Symbol.asyncDispose]();
    await expectUnreachable(session);
    expect(await sessionNamed(session.id)).toEqual({ ...session, reachable: false });
    expect(await (await api("GET", "/api/agent")).json()).toEqual({
      online: false,
      host: "workspace",
      user: "ana",
      version: "0.1.0",
      mismatch: null,
    });
  });

  it("a request that waits is answered 503, and a body that has begun breaks", async () => {
    await using agent = await TestAgent.connect();
    const session = await running(agent);
    const unanswered = api("GET", `${session.url}a`);
    await agent.next("request");
    const half = api("GET", `${session.url}b`);
    const { id } = (await agent.next("request")).head;
    agent.send({ type: "response", id, status: 200, headers: [], length: 9, end: false }, new Uint8Array(3));
    const { body } = await half;
    await agent[Symbol.asyncDispose]();
    expect(await problemOf(await unanswered)).toMatchObject({ status: 503, code: "agent_offline" });
    await expect(new Response(body).arrayBuffer()).rejects.toThrow("disconnected");
  });

  it("a page and a program are told so by the application's address", async () => {
    await using agent = await TestAgent.connect();
    const session = await running(agent);
    await agent[Symbol.asyncDispose]();
    await expectUnreachable(session);
    const told = await ask(SESSIONS + session.url, { headers: asApi });
    expect(await problemOf(told)).toMatchObject({ status: 503, code: "agent_offline" });
    expect(told.headers.get("retry-after")).toBe("1");
  });
});

it("an agent that has fallen silent is not reachable, though its socket is open", async () => {
  await using agent = await TestAgent.connect();
  const session = await running(agent);
  await agent.ping();
  expect((await sessionNamed(session.id)).reachable).toBe(true);
  vi.setSystemTime(Date.now() + 60_000);
  expect((await sessionNamed(session.id)).reachable).toBe(false);
});
