import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LOCAL_USER } from "../../../contract/person.ts";
import { Intake } from "../../../functions/registry/intake.ts";
import { TestAgent } from "../support/agent.ts";
import { api, CONSOLE, workspace } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { readPrometheus } from "../support/prometheus.ts";
import { stopAlarms, tell } from "../support/registry.ts";
import { running } from "../support/running.ts";

beforeEach(stopAlarms);

afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await reset();
});

describe("the metrics", () => {
  it("are what Prometheus reads, and count what there is", async () => {
    await using agent = await TestAgent.connect();
    await running(agent);
    await running(agent, { port: 51_459, state: "queued", status: "Queued" });
    await tell(LOCAL_USER);
    const olga = await person("olga", { role: "operator" });
    const browser = await browserOf(olga);
    await tell(olga.id);
    const response = await browser.go(`${CONSOLE}/metrics`, { headers: { accept: "application/json" } });
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const metrics = readPrometheus(await response.text());
    const value = (name: string, labels: Record<string, string> = {}) => metrics.value(name, labels);
    expect(value("berth_sessions", { state: "running" })).toBe(1);
    expect(value("berth_sessions", { state: "queued" })).toBe(1);
    expect(value("berth_sessions", { state: "failed" })).toBe(0);
    expect(value("berth_agents", { link: "up" })).toBe(1);
    expect(value("berth_users")).toBe(2);
    expect(value("berth_links_opened_total")).toBe(1);
    expect(value("berth_links_lost_total")).toBe(0);
    expect(value("berth_actions_total", { action: "session.launch" })).toBe(2);
    expect(value("berth_actions_total", { action: "login" })).toBe(1);
    expect(value("berth_registry_report_wait_seconds_count")).toBe(2);
    for (const { name, type } of metrics.families)
      expect([name, type === "counter"]).toEqual([name, name.endsWith("_total")]);
  });

  it("add up over the lives of a workspace's object", async () => {
    const count = async () => {
      const text = await (await api("GET", "/metrics")).text();
      return readPrometheus(text).value("berth_links_opened_total");
    };
    for (let life = 1; life <= 3; life += 1) {
      const agent = await TestAgent.connect();
      await tell(LOCAL_USER);
      await agent[Symbol.asyncDispose]();
      await tell(LOCAL_USER);
      await evictDurableObject(workspace());
      expect(await count()).toBe(life);
    }
  });
});

describe("what is counted while a report is on its way", () => {
  it("is told two minutes later, though nothing else happens", async () => {
    // oxlint-disable-next-line typescript/unbound-method -- called with the object that it was taken from
    const { sync } = Intake.prototype;
    const spy = vi.spyOn(Intake.prototype, "sync").mockImplementationOnce(async function (
      this: Intake,
      ...args
    ) {
      await api("GET", "/me/1024/");
      return sync.apply(this, args);
    });
    await using _agent = await TestAgent.connect();
    expect(await tell(LOCAL_USER)).toBe(true);
    expect(await tell(LOCAL_USER, 120_000)).toBe(true);
    expect(spy.mock.calls.map(([, { snapshot }]) => snapshot.counters.values["relayed_requests"])).toEqual([
      undefined,
      1,
    ]);
    expect(await tell(LOCAL_USER, 120_000)).toBe(false);
  });
});

describe("what agents relay", () => {
  const metricsNow = async () => {
    await tell(LOCAL_USER, 150_000);
    const { value } = readPrometheus(await (await api("GET", "/metrics")).text());
    const open = (kind: string) => value("berth_relay_open_streams", { kind });
    const bytes = (direction: string) => value("berth_relay_bytes_total", { direction });
    return {
      open: [open("http"), open("sse"), open("websocket")],
      bytes: [bytes("to_browser"), bytes("to_service")],
    };
  };
  const open = { http: 1, sse: 2, websocket: 3 };

  it("is added up, and forgotten of streams once the link is gone", async () => {
    const agent = await TestAgent.connect();
    agent.send({ type: "active", visitors: [], traffic: { toBrowser: 1000, toService: 10, open } });
    await agent.untaken();
    expect(await metricsNow()).toEqual({ open: [1, 2, 3], bytes: [1000, 10] });
    agent.send({ type: "active", visitors: [], traffic: { toBrowser: 500, toService: 10, open } });
    await agent.untaken();
    expect(await metricsNow()).toEqual({ open: [1, 2, 3], bytes: [1500, 20] });
    await agent[Symbol.asyncDispose]();
    await vi.waitFor(async () => expect(await metricsNow()).toEqual({ open: [0, 0, 0], bytes: [1500, 20] }), {
      timeout: 20_000,
    });
  });

  it("is believed within what a network carries", async () => {
    await using agent = await TestAgent.connect();
    const traffic = {
      toBrowser: Number.MAX_SAFE_INTEGER,
      toService: Number.MAX_SAFE_INTEGER,
      open: { ...open, http: Number.MAX_SAFE_INTEGER },
    };
    for (let count = 0; count < 10; count += 1) agent.send({ type: "active", visitors: [], traffic });
    await agent.untaken();
    expect((await metricsNow()).open[0]).toBe(100_000);
    // 10 Gbit/s for the minutes that the test has let pass.
    for (const bytes of (await metricsNow()).bytes) expect(bytes).toBeLessThan(1e15);
  });
});
