import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ROTATE_MS } from "../../../functions/workspace/agents.ts";
import type { Person } from "../../../contract/person.ts";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { CONSOLE, problemOf } from "../support/edge.ts";
import {
  agentOf,
  askLink,
  askStream,
  auditedIn,
  enrolledIn,
  enrolment,
  type Enrolment,
  workspaceOf,
} from "../support/enrolled.ts";
import { browserOf, person } from "../support/people.ts";
import { stopAlarms } from "../support/registry.ts";

let ana: Person;
let browser: Browser;

beforeEach(async () => {
  stopAlarms();
  ana = await person("ana");
  browser = await browserOf(ana);
});

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

const bearing = (token: string): Pick<Enrolment, "headers"> => ({
  headers: { authorization: `Bearer ${token}` },
});

describe("an agent's token", () => {
  /** An agent whose token is due, connected, with the new token that it was sent. */
  async function renewed(): Promise<{ old: Enrolment; agent: TestAgent; next: Pick<Enrolment, "headers"> }> {
    const old = await enrolment(ana);
    later(ROTATE_MS);
    const agent = await TestAgent.connect({}, old);
    return { old, agent, next: bearing((await agent.next("token")).head.token) };
  }

  it("stays while it is young", async () => {
    await using agent = await agentOf(ana);
    expect((await agent.untaken()).map(({ type }) => type)).not.toContain("token");
  });

  it("is replaced on a link that stays up for weeks, too", async () => {
    await using agent = await agentOf(ana);
    await agent.untaken();
    later(ROTATE_MS);
    await runDurableObjectAlarm(workspaceOf(ana));
    const next = bearing((await agent.next("token")).head.token);
    agent.send({ type: "token_kept" });
    await agent.untaken();
    expect((await askStream(next)).status).toBe(404);
    expect((await enrolledIn(browser))[0]?.rotated).toBe(Date.now());
  });

  it("is replaced by one, whatever asks for it at the same time", async () => {
    await using agent = await agentOf(ana);
    await agent.untaken();
    later(ROTATE_MS);
    await runInDurableObject(workspaceOf(ana), async (workspace) => {
      const run = (): Promise<unknown> => workspace.call("agents", "run", [Date.now()]);
      await Promise.all([run(), run()]);
    });
    expect((await agent.untaken()).filter(({ type }) => type === "token")).toHaveLength(1);
  });

  it("counts beside the new one until that is kept, also after an eviction", async () => {
    const { old, agent, next } = await renewed();
    await evictDurableObject(workspaceOf(ana));
    expect((await askStream(old)).status).toBe(404);
    // The agent has died before it wrote the new one down.
    await agent[Symbol.asyncDispose]();
    await using again = await TestAgent.connect({}, old);
    const another = bearing((await again.next("token")).head.token);
    expect(another).not.toEqual(next);
    expect((await askStream(another)).status).toBe(404);
  });

  it("is replaced once the agent says that it has kept the new one", async () => {
    const { agent, next } = await renewed();
    await using _agent = agent;
    agent.send({ type: "token_kept" });
    await agent.untaken();
    await evictDurableObject(workspaceOf(ana));
    expect((await askStream(next)).status).toBe(404);
    expect((await enrolledIn(browser))[0]?.rotated).toBe(Date.now());
    await using again = await TestAgent.connect({}, next);
    expect((await again.untaken()).map(({ type }) => type)).not.toContain("token");
  });

  it("is replaced, too, when the agent shows the new one after it died without a word", async () => {
    const { agent, next } = await renewed();
    await agent[Symbol.asyncDispose]();
    await using again = await TestAgent.connect({}, next);
    expect((await again.untaken()).map(({ type }) => type)).not.toContain("token");
  });

  it("still brings what was on its way when the new one was kept", async () => {
    const { old, agent } = await renewed();
    await using _agent = agent;
    agent.send({ type: "token_kept" });
    await agent.untaken();
    expect(await problemOf(await askStream(old))).toMatchObject({ code: "not_found" });
    expect(await enrolledIn(browser)).toHaveLength(1);
  });

  it.each([
    ["on a link", askLink, 0],
    ["beside a link, after the time in which that may be on its way", askStream, 60_000],
  ])(
    "shown %s after it was given up, is a copy: the agent is revoked, and its owner is told",
    async (_where, show, ms) => {
      const { old, agent } = await renewed();
      await using _agent = agent;
      agent.send({ type: "token_kept" });
      await agent.untaken();
      later(ms);
      expect(await problemOf(await show(old))).toMatchObject({ status: 401, code: "agent_revoked" });
      expect((await agent.next("refused")).head.code).toBe("agent_revoked");
      expect(await enrolledIn(browser)).toEqual([]);
      expect(await auditedIn(ana)).toContain("agent.revoke");
      const [notice] = await (await browser.go(`${CONSOLE}/api/notifications`)).json<{ text: string }[]>();
      expect(notice?.text).toContain("an old token of its was shown, so somebody has copied it");
    },
  );
});
