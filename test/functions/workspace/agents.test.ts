import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { partOf } from "../../../functions/workspace/parts.ts";
import type { Person } from "../../../contract/person.ts";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { asAgent, ask, CONSOLE, problemOf } from "../support/edge.ts";
import {
  agentOf,
  askLink,
  askStream,
  auditedIn,
  enrolledIn,
  enrolment,
  workspaceOf,
} from "../support/enrolled.ts";
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
    expect(await enrolledIn(browser)).toMatchObject([
      { id, host: "workspace", user: "ana", from: "192.0.2.1", seen: null },
    ]);
    await using _agent = await TestAgent.connect({}, { headers });
    expect((await enrolledIn(browser))[0]?.seen).not.toBeNull();
    const kept = await runInDurableObject(workspaceOf(ana), (_object, { storage: { sql } }) =>
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
    expect((await askLink({ headers: { authorization: altered } })).status).toBe(401);
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
    for (const answer of [await askLink(enrolled), await askStream(enrolled)])
      expect(await problemOf(answer)).toMatchObject({ status: 401, code: "agent_revoked" });
    expect(await enrolledIn(browser)).toEqual([]);
    expect(await (await browser.go(`${CONSOLE}/api/agent`)).json()).toMatchObject({ online: false });
    expect(await auditedIn(ana)).toEqual([
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
    await evictDurableObject(workspaceOf(ana));
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
    expect(await enrolledIn(browser)).toEqual([]);
  });

  it("is not somebody else's to revoke", async () => {
    const { id } = await enrolment(ana);
    const ben = await browserOf(await person("ben"));
    const answer = await ben.go(`${CONSOLE}/api/agents/${id}`, {
      method: "DELETE",
      headers: { origin: CONSOLE },
    });
    expect(answer.status).toBe(404);
    expect(await enrolledIn(browser)).toHaveLength(1);
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
