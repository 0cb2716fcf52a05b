import { evictDurableObject, reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ResourceView } from "../../../contract/resource.ts";
import { TestAgent } from "../support/agent.ts";
import { api, problemOf, sessionNamed, workspace } from "../support/edge.ts";
import { EventReader } from "../support/event-reader.ts";
import { running } from "../support/running.ts";
import { partition, report, resource } from "../support/samples.ts";

const GPU = partition({
  name: "gpu",
  maxWalltime: 86_400,
  nodes: { total: 8, free: 6 },
  gpus: [{ type: "a100", total: 32, free: null }],
});

let agent: TestAgent;

beforeEach(async () => {
  agent = await TestAgent.connect({ resources: [resource({ partitions: [partition(), GPU] })] });
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

const resources = async (): Promise<ResourceView[]> =>
  ResourceView.array().parse(await (await api("GET", "/api/resources")).json());

describe("the clusters", () => {
  it("are what the agent's hello brings, with times in ISO 8601", async () => {
    expect(await resources()).toEqual([
      {
        name: "hopper",
        scheduler: "slurm",
        host: "ana@login.hopper.example",
        state: "reachable",
        reachable: true,
        trouble: null,
        partitions: [partition(), GPU],
        askedAt: "2026-09-21T14:13:20.000Z",
      },
    ]);
  });

  it("are replaced whenever the agent tells of them", async () => {
    const trouble = { text: "Connection timed out", since: 1_790_000_600_000 };
    agent.send({
      type: "resources",
      resources: [resource({ state: "unreachable", trouble }), resource({ name: "lowe", askedAt: null })],
    });
    await agent.untaken();
    expect(await resources()).toMatchObject([
      {
        name: "hopper",
        state: "unreachable",
        trouble: { text: "Connection timed out", since: "2026-09-21T14:23:20.000Z" },
      },
      { name: "lowe", askedAt: null },
    ]);
  });

  it("are kept when the object is evicted, and while the agent is away", async () => {
    const before = await resources();
    await evictDurableObject(workspace());
    expect(await resources()).toEqual(before);
    await agent[Symbol.asyncDispose]();
    expect(await resources()).toEqual(before.map((each) => ({ ...each, reachable: false })));
  });

  it("are gone when the next hello has none", async () => {
    await agent[Symbol.asyncDispose]();
    agent = await TestAgent.connect();
    expect(await resources()).toEqual([]);
  });

  it("are asked for one by one", async () => {
    const [first] = await resources();
    expect(await (await api("GET", "/api/resources/hopper")).json()).toEqual(first);
    expect(await problemOf(await api("GET", "/api/resources/nowhere"))).toMatchObject({
      status: 404,
      code: "unknown_resource",
      field: "name",
    });
  });

  it("tell those who follow when one has changed, and say nothing when none has", async () => {
    await using events = new EventReader(await api("GET", "/api/events"));
    expect(await events.next()).toMatchObject({ event: "agent" });
    agent.send({ type: "resources", resources: [resource({ partitions: [partition(), GPU] })] });
    agent.send({ type: "resources", resources: [resource({ partitions: [] })] });
    const { event, data } = await events.next();
    expect(event).toBe("resources");
    expect(ResourceView.array().parse(data)).toMatchObject([{ name: "hopper", partitions: [] }]);
  });
});

describe("what keeps the agent from knowing more of a session", () => {
  it("is told with it, until it is over", async () => {
    const { id, trouble } = await running(agent);
    expect(trouble).toBeNull();
    const text = "Cannot ask the scheduler since 14:02: connection refused";
    await agent.report(report(id, { trouble: text }));
    expect((await sessionNamed(id)).trouble).toBe(text);
    await agent.report(report(id, { state: "completed", status: "Completed", endedAt: 1, trouble: text }));
    expect((await sessionNamed(id)).trouble).toBeNull();
  });
});
