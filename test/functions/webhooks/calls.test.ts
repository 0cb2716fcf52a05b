import {
  createExecutionContext,
  evictDurableObject,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Session } from "../../../contract/session.ts";
import { app } from "../../../functions/app.ts";
import { TestAgent } from "../support/agent.ts";
import { problemOf, workspace } from "../support/edge.ts";
import { stopAlarms } from "../support/registry.ts";
import { report } from "../support/samples.ts";
import { call, messageId, OLD_KEY, send, signedRequest, spell } from "../support/webhooks.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const LAUNCH = { user: "local", service: "notebook" };

const sessionOf = async (response: Response): Promise<Session> => {
  expect(response.ok).toBe(true);
  return Session.parse(await response.json());
};

const everySession = (): Promise<Session[]> => workspace().sessions("localhost");

/** What the audit log says of one kind of action. */
const auditOf = (action: string): Promise<object[]> =>
  runInDurableObject(workspace(), (_object, { storage }) =>
    storage.sql
      .exec<{ by: string; session: string; detail: string }>(
        "SELECT by, session, detail FROM audit WHERE action = ? ORDER BY seq",
        action,
      )
      .toArray()
      .map((row) => ({ ...row, by: JSON.parse(row.by) as unknown })),
  );

describe("what the platform asks for", () => {
  it("launches a session, at once and without the agent's word", async () => {
    await using agent = await TestAgent.connect();
    const response = await call("session.launch", { ...LAUNCH, name: "From afar" });
    expect(response.status).toBe(201);
    const session = await sessionOf(response);
    expect(session).toMatchObject({ service: "notebook", name: "From afar", state: "submitted" });
    const { head } = await agent.next("want");
    expect(head.wanted.spec.id).toBe(session.id);
  });

  it("cancels a session", async () => {
    await using agent = await TestAgent.connect();
    const { id } = await sessionOf(await call("session.launch", LAUNCH));
    const response = await call("session.cancel", { user: "local", id, reason: "the budget is spent" });
    expect(response.status).toBe(202);
    expect(await sessionOf(response)).toMatchObject({ id, canceling: true });
    await agent.next("want");
    expect((await agent.next("want")).head.wanted.want).toBe("cancel");
  });

  it("shows one session, or all", async () => {
    await using _agent = await TestAgent.connect();
    const first = await sessionOf(await call("session.launch", LAUNCH));
    const second = await sessionOf(await call("session.launch", LAUNCH));
    const one = await call("session.status", { user: "local", id: first.id });
    expect(one.status).toBe(200);
    expect((await sessionOf(one)).id).toBe(first.id);
    const all = Session.array().parse(await (await call("session.status", { user: "local" })).json());
    expect(all.map(({ id }) => id)).toEqual([second.id, first.id]);
  });

  it("names the field at fault", async () => {
    await using _agent = await TestAgent.connect();
    const answer = async (type: string, data: object) => problemOf(await call(type, data));
    expect(await answer("session.launch", { ...LAUNCH, service: "none" })).toMatchObject({
      status: 404,
      code: "unknown_service",
      field: "data.service",
    });
    expect(await answer("session.launch", { ...LAUNCH, walltime: 5 })).toMatchObject({
      status: 400,
      code: "invalid_request",
      field: "data.walltime",
    });
    expect(await answer("session.cancel", { user: "local", id: "s000000000000" })).toMatchObject({
      status: 404,
      code: "unknown_session",
      field: "data.id",
    });
    expect(await answer("session.pause", { user: "local" })).toMatchObject({
      code: "invalid_request",
      field: "type",
    });
    expect(await answer("session.status", { user: "ana" })).toMatchObject({
      status: 404,
      code: "unknown_user",
      field: "data.user",
    });
  });

  it("says in the audit log that it was the platform", async () => {
    await using _agent = await TestAgent.connect();
    const id = messageId();
    const session = await sessionOf(await call("session.launch", LAUNCH, { id, from: "192.0.2.1" }));
    const [launched] = await auditOf("session.launch");
    const [called] = await auditOf("webhook.call");
    const by = { via: "webhook", name: "the platform", user: "local", from: "192.0.2.1" };
    expect(launched).toEqual({ by, session: session.id, detail: "notebook" });
    expect(called).toEqual({ by, session: session.id, detail: `session.launch ${id}` });
  });
});

describe("a message that comes again", () => {
  const text = spell("session.launch", LAUNCH);

  it("gets the same answer, and launches nothing", async () => {
    await using agent = await TestAgent.connect();
    const id = messageId();
    const first = await send(text, { id });
    const { head } = await agent.next("want");
    await agent.report(report(head.wanted.spec.id));
    const second = await send(text, { id, keys: [OLD_KEY], at: Date.now() + 1000 });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(await second.json()).toEqual(await first.json());
    expect(await everySession()).toHaveLength(1);
    expect(await auditOf("webhook.call")).toHaveLength(1);
  });

  it("launches once however many come at the same time", async () => {
    await using _agent = await TestAgent.connect();
    const id = messageId();
    const responses = await Promise.all(Array.from({ length: 8 }, () => send(text, { id })));
    const sessions = await Promise.all(responses.map(sessionOf));
    expect(new Set(sessions.map((session) => session.id)).size).toBe(1);
    expect(await everySession()).toHaveLength(1);
  });

  it("is known after an eviction", async () => {
    await using _agent = await TestAgent.connect();
    const id = messageId();
    const first = await send(text, { id });
    await evictDurableObject(workspace());
    expect(await (await send(text, { id })).json()).toEqual(await first.json());
    expect(await everySession()).toHaveLength(1);
  });

  it("launches nothing where the object was evicted between the launch and the answer", async () => {
    await using _agent = await TestAgent.connect();
    const id = messageId();
    const first = await sessionOf(await send(text, { id }));
    await runInDurableObject(workspace(), (_object, { storage }) =>
      storage.sql.exec("DELETE FROM webhook_calls"),
    );
    await evictDurableObject(workspace());
    const again = await send(text, { id });
    expect(again.status).toBe(201);
    expect((await sessionOf(again)).id).toBe(first.id);
    const other = await send(spell("session.launch", { ...LAUNCH, name: "Another" }), { id: "msg_other" });
    expect((await sessionOf(other)).id).not.toBe(first.id);
  });

  it("is refused when it says something else", async () => {
    await using _agent = await TestAgent.connect();
    const id = messageId();
    const other = spell("session.launch", { ...LAUNCH, name: "Another" });
    await send(text, { id });
    expect(await problemOf(await send(other, { id }))).toMatchObject({
      status: 409,
      code: "idempotency_conflict",
    });
    const races = messageId();
    const responses = await Promise.all([send(text, { id: races }), send(other, { id: races })]);
    expect(responses.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
    expect(await everySession()).toHaveLength(2);
  });

  it("is refused in the same words", async () => {
    const id = messageId();
    const first = await problemOf(await send(text, { id }));
    expect(first.code).toBe("unknown_service");
    await using _agent = await TestAgent.connect();
    expect(await problemOf(await send(text, { id }))).toEqual(first);
    expect((await send(text)).status).toBe(201);
  });

  it("is the same message under a new secret of the edge's", async () => {
    await using _agent = await TestAgent.connect();
    const id = messageId();
    const first = await send(text, { id });
    const rotated = { ...env, BERTH_COOKIE_SECRET: `a-new-cookie-secret ${env.BERTH_COOKIE_SECRET}` };
    const again = await app.fetch(signedRequest(text, { id }), rotated, createExecutionContext());
    expect(await again.json()).toEqual(await first.json());
  });

  it("is looked at anew when it only asks", async () => {
    await using agent = await TestAgent.connect();
    const { id } = await sessionOf(await send(text));
    const ask = spell("session.status", { user: "local", id });
    expect((await sessionOf(await send(ask, { id: "msg_ask" }))).state).toBe("submitted");
    await agent.report(report(id));
    expect((await sessionOf(await send(ask, { id: "msg_ask" }))).state).toBe("running");
  });

  it("is forgotten after a day", async () => {
    stopAlarms();
    await using _agent = await TestAgent.connect();
    await send(text);
    const kept = () =>
      runInDurableObject(workspace(), (_object, { storage }) => [
        ...storage.sql.exec("SELECT id FROM webhook_calls"),
      ]);
    expect(await kept()).toHaveLength(1);
    vi.setSystemTime(Date.now() + 86_400_000);
    await runDurableObjectAlarm(workspace());
    expect(await kept()).toEqual([]);
  });
});
