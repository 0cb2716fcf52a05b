import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sessionId } from "../../../contract/ids.ts";
import { Session } from "../../../contract/session.ts";
import { TestAgent } from "../support/agent.ts";
import { api, launch, workspace } from "../support/edge.ts";
import { report, service, spec } from "../support/samples.ts";

let agent: TestAgent;

beforeEach(async () => {
  agent = await TestAgent.connect();
});

afterEach(async () => {
  await agent[Symbol.asyncDispose]();
  await reset();
});

/** Everything that the object keeps, as text. */
const stored = (): Promise<string> =>
  runInDurableObject(workspace(), (_instance, { storage }) => {
    const tables = storage.sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
      .toArray();
    const rows = tables
      .filter(({ name }) => !name.startsWith("_cf_"))
      .map(({ name }) => storage.sql.exec(`SELECT * FROM ${name}`).toArray());
    return JSON.stringify(rows);
  });

describe("a password", () => {
  const SECRET = "hunter2-and-more";
  const services = [
    service({
      name: "desktop",
      title: "Desktop",
      inputs: [
        { name: "vnc_password", type: "password", required: true },
        { name: "geometry", type: "string" },
      ],
    }),
  ];
  const launched = async (): Promise<Session> => {
    agent.send({ type: "catalogue", services });
    await agent.untaken();
    return launch({ service: "desktop", inputs: { vnc_password: SECRET, geometry: "800x600" } });
  };

  it("reaches the agent, and leaves the object when the agent has reported", async () => {
    const { id } = await launched();
    expect((await agent.next("want")).head.wanted.spec.inputs).toEqual({
      vnc_password: SECRET,
      geometry: "800x600",
    });
    expect(await stored()).toContain(SECRET);
    await agent.report(report(id, { state: "starting", status: "Starting" }));
    expect(await stored()).not.toContain(SECRET);
    expect(await stored()).toContain("800x600");
    await api("POST", `/api/sessions/${id}/cancel`);
    expect(JSON.stringify(await agent.untaken())).not.toContain(SECRET);
  });

  it("waits for an agent that is away", async () => {
    const { id } = await launched();
    await agent[Symbol.asyncDispose]();
    await evictDurableObject(workspace());
    agent = await TestAgent.dial();
    agent.hello({ services });
    expect((await agent.next("welcome")).head.wanted).toMatchObject([
      { spec: { id, inputs: { vnc_password: SECRET } } },
    ]);
  });

  it("leaves also when the service is gone from the catalogue", async () => {
    const { id } = await launched();
    agent.send({ type: "catalogue", services: [] });
    await agent.report(report(id));
    expect(await stored()).not.toContain(SECRET);
  });

  it("of a session that only the agent knows does not come in", async () => {
    const id = sessionId((bytes) => crypto.getRandomValues(bytes));
    await agent[Symbol.asyncDispose]();
    const inputs = { vnc_password: SECRET };
    agent = await TestAgent.connect({
      services,
      sessions: [{ spec: spec(id, { service: "desktop", inputs }), report: report(id) }],
    });
    expect(Session.array().parse(await (await api("GET", "/api/sessions")).json())).toMatchObject([{ id }]);
    expect(await stored()).not.toContain(SECRET);
  });

  it("is in no answer of the API", async () => {
    const response = await api("POST", "/api/sessions", {
      json: { service: "desktop", inputs: { vnc_password: SECRET } },
    });
    await response.body?.cancel();
    const { id } = await launched();
    await agent.report(report(id));
    for (const path of ["/api/sessions", `/api/sessions/${id}`, "/api/notifications", "/api/services", "/"])
      expect(await (await api("GET", path, { headers: { accept: "text/html" } })).text()).not.toContain(
        SECRET,
      );
  });

  it("that is wrong is not repeated in the problem", async () => {
    await launched();
    const long = SECRET.repeat(100);
    const response = await api("POST", "/api/sessions", {
      json: { service: "desktop", inputs: { vnc_password: long } },
    });
    expect(response.status).toBe(400);
    expect(await response.text()).not.toContain(SECRET);
  });
});
