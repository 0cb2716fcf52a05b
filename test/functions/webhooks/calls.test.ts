import { evictDurableObject, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { Session } from "../../../contract/session.ts";
import { TestAgent } from "../support/agent.ts";
import { problemOf, workspace } from "../support/edge.ts";
import { call, messageId } from "../support/webhooks.ts";

afterEach(reset);

const LAUNCH = { user: "local", service: "notebook" };

const sessionOf = async (response: Response): Promise<Session> => {
  expect(response.ok).toBe(true);
  return Session.parse(await response.json());
};

const everySession = (): Promise<Session[]> => workspace().sessions("localhost");

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
    const session = await sessionOf(await call("session.launch", LAUNCH, { id }));
    const { runInDurableObject } = await import("cloudflare:test");
    const rows = await runInDurableObject(workspace(), (_object, state) =>
      state.storage.sql
        .exec<{ action: string; by: string; session: string; detail: string }>(
          "SELECT action, by, session, detail FROM audit WHERE session = ? ORDER BY seq",
          session.id,
        )
        .toArray(),
    );
    expect(rows.map(({ action }) => action)).toEqual(["session.launch", "webhook.call"]);
    for (const { by } of rows)
      expect(JSON.parse(by)).toMatchObject({ via: "webhook", name: "the platform", user: "local" });
    expect(rows[1]?.detail).toBe(`session.launch ${id}`);
  });
});

describe("a message that comes again", () => {
  it("gets the same answer, and launches nothing", async () => {
    await using _agent = await TestAgent.connect();
    const id = messageId();
    const body = JSON.stringify({ type: "session.launch", timestamp: "2026-11-23T12:00:00Z", data: LAUNCH });
    const { send } = await import("../support/webhooks.ts");
    const first = await send(body, { id });
    const second = await send(body, { id });
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(await second.json()).toEqual(await first.json());
    expect(await everySession()).toHaveLength(1);
  });
});
