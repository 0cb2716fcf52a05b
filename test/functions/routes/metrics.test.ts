import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { LOCAL_USER } from "../../../contract/person.ts";
import { TestAgent } from "../support/agent.ts";
import { api, CONSOLE, workspace } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { readPrometheus } from "../support/prometheus.ts";
import { tell } from "../support/registry.ts";
import { running } from "../support/running.ts";

afterEach(async () => {
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
