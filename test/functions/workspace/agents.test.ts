import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EnrolledAgent } from "../../../contract/enrolment.ts";
import type { Person } from "../../../contract/person.ts";
import { ROTATE_MS } from "../../../functions/workspace/agents.ts";
import { partOf } from "../../../functions/workspace/parts.ts";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { asAgent, ask, CONSOLE, problemOf } from "../support/edge.ts";
import { agentOf, enrolment, type Enrolment } from "../support/enrolled.ts";
import { decide, JoiningAgent } from "../support/joining-agent.ts";
import { browserOf, person } from "../support/people.ts";

let ana: Person;
let browser: Browser;

beforeEach(async () => {
  ana = await person("ana");
  browser = await browserOf(ana);
});

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const objectOf = ({ id }: Person) => env.WORKSPACE.getByName(id);
const later = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

const listed = async (): Promise<EnrolledAgent[]> =>
  EnrolledAgent.array().parse(await (await browser.go(`${CONSOLE}/api/agents`)).json());

/** What the edge says to a token: on the link, and beside it. */
const onLink = ({ headers }: Pick<Enrolment, "headers">): Promise<Response> =>
  ask(`${CONSOLE}/agent/link`, { headers: { ...headers, upgrade: "websocket" } });
const onStream = ({ headers }: Pick<Enrolment, "headers">): Promise<Response> =>
  ask(`${CONSOLE}/agent/streams/${"0".repeat(26)}`, { headers });

const bearing = (token: string): Pick<Enrolment, "headers"> => ({
  headers: { authorization: `Bearer ${token}` },
});

/** The actions that the audit log of a workspace has. */
const audited = (): Promise<string[]> =>
  runInDurableObject(objectOf(ana), (_object, { storage: { sql } }) =>
    sql
      .exec<{ action: string }>("SELECT action FROM audit ORDER BY seq")
      .toArray()
      .map(({ action }) => action),
  );

describe("an enrolled agent", () => {
  it("has the link of its own user's workspace, and of no other", async () => {
    const bens = await browserOf(await person("ben"));
    await using _agent = await agentOf(ana);
    const online = async (its: Browser): Promise<unknown> => (await its.go(`${CONSOLE}/api/agent`)).json();
    expect(await online(browser)).toMatchObject({ online: true, host: "workspace" });
    expect(await online(bens)).toMatchObject({ online: false, host: null });
  });

  it("is listed without its token, and its hash is all that is kept", async () => {
    const { id, headers } = await enrolment(ana, { from: "192.0.2.1" });
    expect(await listed()).toMatchObject([
      { id, host: "workspace", user: "ana", from: "192.0.2.1", seen: null },
    ]);
    await using _agent = await TestAgent.connect({}, { headers });
    expect((await listed())[0]?.seen).not.toBeNull();
    const kept = await runInDurableObject(objectOf(ana), (_object, { storage: { sql } }) =>
      JSON.stringify(sql.exec("SELECT * FROM agents").toArray()),
    );
    expect(kept).not.toContain(headers.authorization.slice(-20));
  });

  it("serves its own user's streams alone: another's token finds none of them", async () => {
    const ben = await person("ben");
    await using agent = await agentOf(ana);
    const [anas, bens] = [await enrolment(ana), await enrolment(ben)];
    await agent.closed;
    await using again = await TestAgent.connect({}, anas);
    const launched = await browser.go(`${CONSOLE}/api/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json", origin: CONSOLE },
      body: JSON.stringify({ service: "notebook" }),
    });
    const { id } = await launched.json<{ id: string }>();
    await again.next("want");
    const log = browser.go(`${CONSOLE}/api/sessions/${id}/logs`);
    const { head } = await again.next("request");
    const stolen = await ask(`${CONSOLE}/agent/streams/${head.id}?seq=1`, {
      method: "POST",
      ...bens,
      body: "evil",
    });
    expect(await problemOf(stolen)).toMatchObject({ status: 404, code: "not_found" });
    const payload = new TextEncoder().encode("its log");
    again.send({ type: "response", id: head.id, status: 200, headers: [], length: null, end: true }, payload);
    expect(await (await log).text()).toBe("its log");
  });

  it("is no agent by a token that somebody else has signed, nor by one of another kind", async () => {
    const { headers } = await enrolment(ana);
    const altered = headers.authorization.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
    expect((await onLink({ headers: { authorization: altered } })).status).toBe(401);
    const asProgram = await ask(`${CONSOLE}/api/sessions`, { headers });
    expect(asProgram.status).toBe(401);
  });
});

describe("a revoked agent", () => {
  it("is told so on its link, which closes, and its streams end", async () => {
    const enrolled = await enrolment(ana);
    await using agent = await TestAgent.connect({}, enrolled);
    const gone = await browser.go(`${CONSOLE}/api/agents/${enrolled.id}`, {
      method: "DELETE",
      headers: { origin: CONSOLE },
    });
    expect(gone.status).toBe(204);
    expect((await agent.next("refused")).head.code).toBe("agent_revoked");
    expect(await agent.closed).toMatchObject({ code: 1008 });
    for (const answer of [await onLink(enrolled), await onStream(enrolled)])
      expect(await problemOf(answer)).toMatchObject({ status: 401, code: "agent_revoked" });
    expect(await listed()).toEqual([]);
    expect(await (await browser.go(`${CONSOLE}/api/agent`)).json()).toMatchObject({ online: false });
    expect(await audited()).toEqual([
      "login",
      "agent.enroll",
      "agent.online",
      "agent.revoke",
      "agent.offline",
    ]);
  });

  it("is refused though it has not said hello yet, and though the object was evicted", async () => {
    const enrolled = await enrolment(ana);
    await using agent = await TestAgent.dial(enrolled);
    await evictDurableObject(objectOf(ana));
    await partOf(env, ana.id, "agents").revoke(enrolled.id, {
      user: ana.id,
      name: "Ana",
      from: null,
      via: "console",
    });
    expect((await agent.next("refused")).head.code).toBe("agent_revoked");
  });

  it("is revoked on the account page, which asks once", async () => {
    const { id } = await enrolment(ana);
    const page = await (await browser.go(`${CONSOLE}/account`)).text();
    expect(page).toContain("Revoke the agent on workspace?");
    const answer = await browser.go(`${CONSOLE}/account/agents/${id}/revoke`, {
      method: "POST",
      headers: { origin: CONSOLE },
    });
    expect(answer.headers.get("location")).toBe("/account#workspace");
    expect(await listed()).toEqual([]);
  });

  it("is not somebody else's to revoke", async () => {
    const { id } = await enrolment(ana);
    const ben = await browserOf(await person("ben"));
    const answer = await ben.go(`${CONSOLE}/api/agents/${id}`, {
      method: "DELETE",
      headers: { origin: CONSOLE },
    });
    expect(answer.status).toBe(404);
    expect(await listed()).toHaveLength(1);
  });

  it("may be the one that leaves; the local instance's own has nothing to leave", async () => {
    const enrolled = await enrolment(ana);
    const leave = (headers: Record<string, string>): Promise<Response> =>
      ask(`${CONSOLE}/agent/leave`, { method: "POST", headers });
    expect((await leave(enrolled.headers)).status).toBe(204);
    expect(await problemOf(await leave(enrolled.headers))).toMatchObject({ code: "agent_revoked" });
    expect((await leave(asAgent)).status).toBe(404);
  });
});

describe("a second agent of a user", () => {
  /** One that asks, and the page on which it is shown. */
  async function asking(): Promise<{ joining: JoiningAgent; page: string }> {
    const joining = await JoiningAgent.started({ host: "second" });
    const page = await (await browser.go(joining.codes.verificationUrlComplete)).text();
    return { joining, page };
  }

  it("replaces the first where the page has said which that is, and the first is told", async () => {
    const first = await enrolment(ana, { host: "first" });
    await using agent = await TestAgent.connect({}, first);
    const { joining, page } = await asking();
    expect(page).toContain("Your workspace has an agent already: ana@first");
    expect(page).toContain("Replace it");
    await decide(browser, joining.codes.userCode, "approve", { replaces: first.id });
    expect(await joining.poll()).toMatchObject({ status: "approved" });
    expect((await agent.next("refused")).head.code).toBe("agent_revoked");
    expect(await listed()).toMatchObject([{ host: "second", fingerprint: joining.fingerprint }]);
  });

  it("is refused as its user chooses, and the first stays", async () => {
    const first = await enrolment(ana, { host: "first" });
    await using _agent = await TestAgent.connect({}, first);
    const { joining, page } = await asking();
    expect(page).toContain("Keep it, deny this one");
    await decide(browser, joining.codes.userCode, "deny", { replaces: first.id });
    expect(await joining.poll()).toMatchObject({ status: "denied" });
    expect(await listed()).toMatchObject([{ id: first.id }]);
  });

  it("may be the very same machine, which gets a new token", async () => {
    const joining = await JoiningAgent.started();
    const first = await enrolment(ana, { fingerprint: joining.fingerprint });
    const page = await (await browser.go(joining.codes.verificationUrlComplete)).text();
    expect(page).toContain("This machine is your workspace already.");
    await decide(browser, joining.codes.userCode, "approve", { replaces: first.id });
    expect(await joining.poll()).toMatchObject({ status: "approved" });
    expect(await problemOf(await onLink(first))).toMatchObject({ code: "agent_revoked" });
  });

  it("does not replace one that has come since the page was shown", async () => {
    const { joining } = await asking();
    await enrolment(ana, { host: "meanwhile" });
    const answer = await decide(browser, joining.codes.userCode, "approve");
    expect(await answer.text()).toContain("Your workspace has an agent already: ana@meanwhile");
    expect(await joining.poll()).toEqual({ status: "pending" });
  });

  it("does not replace one that has come since it was approved", async () => {
    const { joining } = await asking();
    await decide(browser, joining.codes.userCode, "approve");
    await enrolment(ana, { host: "meanwhile" });
    expect(await joining.poll()).toMatchObject({
      status: "denied",
      reason: "this workspace has another agent by now",
    });
    expect(await listed()).toMatchObject([{ host: "meanwhile" }]);
  });
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
    await runDurableObjectAlarm(objectOf(ana));
    const next = bearing((await agent.next("token")).head.token);
    agent.send({ type: "token_kept" });
    await agent.untaken();
    expect((await onStream(next)).status).toBe(404);
    expect((await listed())[0]?.rotated).toBe(Date.now());
  });

  it("counts beside the new one until that is kept, also after an eviction", async () => {
    const { old, agent, next } = await renewed();
    await evictDurableObject(objectOf(ana));
    expect((await onStream(old)).status).toBe(404);
    // The agent has died before it wrote the new one down.
    await agent[Symbol.asyncDispose]();
    await using again = await TestAgent.connect({}, old);
    const another = bearing((await again.next("token")).head.token);
    expect(another).not.toEqual(next);
    expect((await onStream(another)).status).toBe(404);
  });

  it("is replaced once the agent says that it has kept the new one", async () => {
    const { agent, next } = await renewed();
    await using _agent = agent;
    agent.send({ type: "token_kept" });
    await agent.untaken();
    await evictDurableObject(objectOf(ana));
    expect((await onStream(next)).status).toBe(404);
    expect((await listed())[0]?.rotated).toBe(Date.now());
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
    expect(await problemOf(await onStream(old))).toMatchObject({ code: "not_found" });
    expect(await listed()).toHaveLength(1);
  });

  it.each([
    ["on a link", onLink, 0],
    ["beside a link, after the time in which that may be on its way", onStream, 60_000],
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
      expect(await listed()).toEqual([]);
      expect(await audited()).toContain("agent.revoke");
      const [notice] = await (await browser.go(`${CONSOLE}/api/notifications`)).json<{ text: string }[]>();
      expect(notice?.text).toContain("an old token of its was shown, so somebody has copied it");
    },
  );
});
