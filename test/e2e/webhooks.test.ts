import { request } from "node:http";
import { once } from "node:events";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Session, SessionReport, SessionSpec } from "../../contract/session.ts";
import { service } from "../functions/support/samples.ts";
import { eventually } from "../support/eventually.ts";
import { LinkedEdge } from "../support/linked-edge.ts";
import { OidcEdge } from "../support/oidc-edge.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";

const [OLD_KEY, NEW_KEY] = [
  "whsec_dGhlLW9sZC1rZXktb2YtdGhlLXRlc3RzLWJ5dGVz",
  "whsec_dGhlLW5ldy1rZXktb2YtdGhlLXRlc3RzLWJ5dGVz",
];
const HELLO = { services: [service()], resources: [] };
const RUNNING = { state: "running", port: 51_458, startedAt: 1_790_000_000_000 } as const;

let receiver: WebhookReceiver;
let edge: LinkedEdge;

beforeEach(async () => {
  receiver = await WebhookReceiver.start(OLD_KEY);
  edge = await LinkedEdge.start(HELLO, {
    BERTH_WEBHOOK_SECRETS: `${NEW_KEY} ${OLD_KEY}`,
    BERTH_WEBHOOK_URL: receiver.url,
    BERTH_WEBHOOK_SIGNING_SECRETS: `${NEW_KEY} ${OLD_KEY}`,
  });
});

afterEach(async () => {
  await edge[Symbol.asyncDispose]();
  await receiver[Symbol.asyncDispose]();
});

const spellReport = (id: string, changes: Partial<SessionReport>): SessionReport =>
  SessionReport.parse({ id, status: "", error: "", scheme: "me", slug: "", stripPrefix: true, ...changes });

const report = (id: string, changes: Partial<SessionReport>): void =>
  edge.send({ type: "report", report: spellReport(id, changes) });

let count = 0;

/** Asks an edge as the platform does. */
function callOf(url: string, type: string, data: object): Promise<Response> {
  const [id, now] = [`msg_${(count += 1)}`, new Date()];
  const body = JSON.stringify({ type, timestamp: now.toISOString(), data });
  return fetch(`${url}/webhooks/platform`, {
    method: "POST",
    headers: {
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": new Webhook(NEW_KEY).sign(id, now, body),
    },
    body,
  });
}

const call = (type: string, data: object): Promise<Response> => callOf(edge.url, type, data);

async function launch(name: string): Promise<Session> {
  const response = await call("session.launch", { user: "local", service: "notebook", name });
  expect(response.status).toBe(201);
  return Session.parse(await response.json());
}

const state = async (id: string): Promise<string | undefined> =>
  (await edge.sessions()).find((session) => session.id === id)?.state;

describe("the platform", () => {
  it("launches, is told how it goes, and cancels", async () => {
    const { id } = await launch("From the platform");
    await receiver.until(({ event }) => event.data.session.state === "submitted", "the launch");
    report(id, { state: "starting" });
    report(id, { ...RUNNING, slug: "lab?token=1234" });
    const ready = await receiver.until(({ event }) => event.type === "session.ready", "session.ready");
    expect(ready.event.data).toMatchObject({ user: "local", session: { id, name: "From the platform" } });
    expect(JSON.stringify(receiver.received)).not.toContain("1234");
    expect((await call("session.cancel", { user: "local", id, reason: "the budget is spent" })).status).toBe(
      202,
    );
    report(id, { ...RUNNING, state: "canceled" });
    await receiver.until(({ event }) => event.type === "session.ended", "session.ended");
    const types = receiver.typesOf(id).filter((type) => type !== "session.updated");
    expect(types).toEqual(["session.ready", "session.ended"]);
    const status = await call("session.status", { user: "local", id });
    expect(await status.json()).toMatchObject({ state: "canceled" });
    expect(receiver.refused).toEqual([]);
  });

  it("is told what failed, and why", async () => {
    const { id } = await launch("Fails");
    report(id, { state: "failed", error: "No such file" });
    await receiver.until(({ event }) => event.type === "session.ended", "session.ended");
    const failed = receiver.received.find(({ event }) => event.type === "session.failed");
    expect(failed?.event.data.session).toMatchObject({ id, state: "failed", error: "No such file" });
  });

  it("that sends 10 MB is told so before they have come", async () => {
    const size = 10 * 1_048_576;
    const now = Math.floor(Date.now() / 1000);
    const sending = request(`${edge.url}/webhooks/platform`, {
      method: "POST",
      headers: {
        "content-length": size,
        "webhook-id": "msg_large",
        "webhook-timestamp": now,
        "webhook-signature": `v1,${"A".repeat(43)}=`,
      },
    });
    // What is cut off may not be written.
    sending.on("error", () => undefined);
    sending.write(Buffer.alloc(65_536));
    const [response] = (await once(sending, "response")) as [{ statusCode: number }];
    expect(response.statusCode).toBe(413);
    sending.destroy();
  });
});

describe("the platform of an edge with an identity provider", () => {
  it("names users as the provider does", async () => {
    await using users = await OidcEdge.start({ bindings: { BERTH_WEBHOOK_SECRETS: NEW_KEY } });
    const status = (user: string): Promise<Response> => callOf(users.console, "session.status", { user });
    expect((await status("ana")).status).toBe(404);
    await users.browser();
    expect(await (await status("ana")).json()).toEqual([]);
    expect(await (await status("bob")).json()).toMatchObject({ code: "unknown_user" });
    const launched = await callOf(users.console, "session.launch", { user: "ana", service: "notebook" });
    // No agent of hers has said yet what there is.
    expect(await launched.json()).toMatchObject({ code: "unknown_service" });
  });
});

describe("a receiver", () => {
  it("that does not answer holds up no session, and hears of it again", async () => {
    const silent: string[] = [];
    let answersAll = false;
    receiver.answer = ({ id, event }, response) => {
      if (event.data.session.name !== "Silent" || answersAll) response.writeHead(204).end();
      else silent.push(id);
    };
    const first = await launch("Silent");
    await eventually(() => silent.length > 0, { what: "a message that is not answered" });
    // Meanwhile: the same session goes on, and so do the messages of another.
    report(first.id, { ...RUNNING });
    await eventually(async () => (await state(first.id)) === "running", { what: "the session to run" });
    const second = await launch("Another");
    report(second.id, { ...RUNNING, port: 51_459 });
    await receiver.until(
      ({ event }) => event.type === "session.ready" && event.data.session.id === second.id,
      "the other session's message",
    );
    // However often it was tried by now.
    expect(new Set(receiver.typesOf(first.id))).toEqual(new Set(["session.updated"]));
    answersAll = true;
    await receiver.until(
      ({ event }) => event.type === "session.ready" && event.data.session.id === first.id,
      "the message that was held up",
    );
    expect(receiver.received.filter(({ id }) => id === silent[0])).toHaveLength(silent.length + 1);
  });

  it("that is down while the edge is started anew gets what it missed, in order", async () => {
    receiver.answer = ({ event }, response) =>
      response.writeHead(event.type === "session.ready" ? 500 : 204).end("down");
    const { id, createdAt } = await launch("Long");
    report(id, RUNNING);
    const missed = await receiver.until(({ event }) => event.type === "session.ready", "the first attempt");
    receiver.answer = (_message, response) => response.writeHead(204).end();
    report(id, { ...RUNNING, state: "completed" });
    await eventually(async () => (await state(id)) === "completed", { what: "the session to end" });
    const spec = SessionSpec.parse({
      id,
      name: "Long",
      service: "notebook",
      placement: "workspace",
      inputs: {},
      createdAt: Date.parse(createdAt),
    });
    const known = { spec, report: spellReport(id, { ...RUNNING, state: "completed" }) };
    await edge.restart({ ...HELLO, sessions: [known] });
    await receiver.until(({ event }) => event.type === "session.ended", "session.ended");
    const rest = receiver.received.slice(receiver.received.indexOf(missed));
    expect(rest.map(({ event }) => event.type)).toEqual([
      "session.ready",
      "session.ready",
      "session.updated",
      "session.ended",
    ]);
    expect(rest[1]).toMatchObject({ id: missed.id, event: missed.event });
  });

  it("that leads elsewhere is not followed", async () => {
    receiver.answer = (_message, response) =>
      response.writeHead(receiver.received.length > 1 ? 204 : 307, { location: "/elsewhere" }).end();
    await launch("Led astray");
    await eventually(() => receiver.received.length > 1, { what: "the next attempt" });
    expect(receiver.received.map(({ path }) => path)).toEqual(["/hook", "/hook"]);
  });
});
