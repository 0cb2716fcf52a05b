import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { EdgeFrame } from "../../../contract/frames.ts";
import type { Session } from "../../../contract/session.ts";
import { Shares } from "../../../functions/workspace/shares.ts";
import { TestAgent } from "../support/agent.ts";
import type { Browser } from "../support/browser.ts";
import { api, CONSOLE, problemOf, workspace } from "../support/edge.ts";
import { browserOf, person } from "../support/people.ts";
import { stopAlarms } from "../support/registry.ts";
import { running } from "../support/running.ts";
import { report } from "../support/samples.ts";
import { guestUrl, originOfSession, share, visit } from "../support/sharing.ts";
import { takeSocket } from "../support/streams.ts";

const HOUR = 3_600_000;

let agent: TestAgent;
let session: Session;
const ben = await person("ben", { groups: ["tides"] });
const cy = await person("cy", { groups: ["tides"] });
const withBen = { kind: "user", email: "ben@example.org" } as const;
const withTides = { kind: "group", name: "tides" } as const;
const guests = () => env.WORKSPACE.getByName(ben.id);

beforeEach(async () => {
  stopAlarms();
  agent = await TestAgent.connect();
  session = await running(agent);
});

afterEach(async () => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  await agent[Symbol.asyncDispose]();
  await reset();
});

type Open = { browser: Browser; visitor: string; socket: WebSocket };

/** Somebody's browser in the shared session, with a WebSocket open. */
async function inside(somebody: typeof ben): Promise<Open> {
  const browser = await browserOf(somebody);
  await visit(browser, agent, guestUrl(session.id));
  const upgraded = browser.go(guestUrl(session.id, "/kernel"), {
    headers: { upgrade: "websocket", origin: originOfSession(session.id) },
  });
  const { head } = await agent.next("websocket");
  const service = await takeSocket(head.id);
  service.accept();
  const socket = (await upgraded).webSocket;
  if (socket === null) throw new Error("no WebSocket");
  socket.accept();
  return { browser, visitor: head.visitor, socket };
}

/** Lets the alarm of the guest's workspace ring, which is due at once. */
async function rung(): Promise<void> {
  const alarm = runInDurableObject(guests(), (_instance, { storage }) => storage.getAlarm());
  expect(await alarm).toBeLessThanOrEqual(Date.now());
  expect(await runDurableObjectAlarm(guests())).toBe(true);
}

const evicted = async (): Promise<string> => (await agent.next("evict")).head.visitor;

/** What a guest is told of a share that is over: by the application's address, and by the link. */
async function expectOver({ browser }: Pick<Open, "browser">): Promise<void> {
  for (const url of [guestUrl(session.id), `${originOfSession(session.id)}${session.url}`]) {
    const answer = await browser.go(url, { headers: { accept: "application/json" } });
    expect(await problemOf(answer)).toMatchObject({ status: 404, code: "not_found" });
  }
  expect((await browser.follow(guestUrl(session.id))).response.status).toBe(404);
  expect(await agent.untaken()).toEqual([]);
}

const evicts = async (): Promise<EdgeFrame[]> =>
  (await agent.untaken()).filter(({ type }) => type === "evict");

describe("a share", () => {
  it("ended by its owner ends its guests' sockets, and nobody else's", async () => {
    const [forBen, forTides] = [
      await share(session.id, { with: withBen, mode: "use" }),
      await share(session.id, { with: withTides, mode: "use", endsAt: soon(HOUR) }),
    ];
    const [bens, cys] = [await inside(ben), await inside(cy)];
    expect(bens.visitor).toMatch(new RegExp(`^share:${forBen.id}:`));
    expect(cys.visitor).toMatch(new RegExp(`^share:${forTides.id}:`));
    const end = `/api/sessions/${session.id}/shares/${forBen.id}`;
    expect((await api("DELETE", end)).status).toBe(204);
    expect(await evicted()).toBe(bens.visitor);
    expect((await api("DELETE", end)).status).toBe(404);
    expect(await evicts()).toEqual([]);
    expect((await visit(cys.browser, agent, guestUrl(session.id))).way).toEqual([]);
    // Ben is of the group, too: its share lets him in anew.
    expect((await visit(bens.browser, agent, guestUrl(session.id))).way).toHaveLength(3);
    await api("DELETE", `/api/sessions/${session.id}/shares/${forTides.id}`);
    await Promise.all([evicted(), evicted()]);
    await expectOver(bens);
    await expectOver(cys);
  });

  it("ends at its time, which the object's alarm keeps through an eviction", async () => {
    await share(session.id, { with: withBen, mode: "use", endsAt: soon(HOUR) });
    const browser = await browserOf(ben);
    const { head } = await visit(browser, agent, guestUrl(session.id));
    vi.setSystemTime(Date.now() + HOUR + 1000);
    await expectNoAccess({ browser });
    await evictDurableObject(workspace());
    expect(await runDurableObjectAlarm(workspace())).toBe(true);
    expect(await evicted()).toBe(head.visitor);
    await expectNoAccess({ browser });
    expect((await browser.follow(guestUrl(session.id))).response.status).toBe(404);
  });

  it("lives on when the object is evicted", async () => {
    await share(session.id, { with: withBen });
    const browser = await browserOf(ben);
    await visit(browser, agent, guestUrl(session.id));
    await evictDurableObject(workspace());
    expect((await visit(browser, agent, guestUrl(session.id))).way).toEqual([]);
  });

  it("ends when its session is canceled", async () => {
    await share(session.id, { with: withBen, mode: "use" });
    const open = await inside(ben);
    await api("POST", `/api/sessions/${session.id}/cancel`);
    expect(await evicted()).toBe(open.visitor);
    await agent.next("want");
    await expectOver(open);
  });

  it("ends when its session ends, and is not the next session's with its port", async () => {
    await share(session.id, { with: withBen, mode: "use" });
    const open = await inside(ben);
    await agent.report(report(session.id, { state: "completed", status: "Completed" }));
    expect(await evicted()).toBe(open.visitor);
    const next = await running(agent);
    expect(next.port).toBe(session.port);
    await expectOver(open);
    const cookie = open.browser.cookies(new URL(originOfSession(session.id)).host);
    for (const url of [guestUrl(next.id), `${originOfSession(next.id)}${next.url}`]) {
      const answer = await open.browser.go(url, { headers: { cookie, accept: "application/json" } });
      expect(answer.status).toBe(401);
    }
    expect(await agent.untaken()).toEqual([]);
  });

  it("that the operator forbids is over", async () => {
    await share(session.id, { with: withBen, mode: "use" });
    const open = await inside(ben);
    await runInDurableObject(workspace(), (instance) => {
      Object.assign(Reflect.get(instance, "env"), { BERTH_SHARING: "off" });
    });
    try {
      await expectNoAccess(open);
      const again = await api("POST", `/api/sessions/${session.id}/shares`, { json: { with: withBen } });
      expect(await problemOf(again)).toMatchObject({ status: 403, code: "forbidden" });
    } finally {
      await runInDurableObject(workspace(), (instance) => {
        Reflect.deleteProperty(Reflect.get(instance, "env"), "BERTH_SHARING");
      });
    }
  });
});

describe("a guest who", () => {
  it("logs out is out of every session at once", async () => {
    // Here the alarm rings by itself.
    vi.useRealTimers();
    await share(session.id, { with: withBen, mode: "use" });
    const open = await inside(ben);
    await open.browser.go(`${CONSOLE}/logout`, { method: "POST", headers: { origin: CONSOLE } });
    expect(await evicted()).toBe(open.visitor);
    await expectNoAccess(open);
    // The share itself goes on.
    expect((await inside(ben)).visitor).not.toBe(open.visitor);
  });

  it("stays logged in elsewhere keeps what that login has open", async () => {
    await share(session.id, { with: withBen, mode: "use" });
    const [one, other] = [await inside(ben), await inside(ben)];
    await one.browser.go(`${CONSOLE}/logout`, { method: "POST", headers: { origin: CONSOLE } });
    await rung();
    expect(await evicted()).toBe(one.visitor);
    expect(await evicts()).toEqual([]);
    expect((await visit(other.browser, agent, guestUrl(session.id))).way).toEqual([]);
  });

  it("logs out while the owner's workspace cannot be told is out as soon as it can", async () => {
    await share(session.id, { with: withBen, mode: "use" });
    const open = await inside(ben);
    const leave = vi.spyOn(Shares.prototype, "leave").mockRejectedValueOnce(new Error("away"));
    await open.browser.go(`${CONSOLE}/logout`, { method: "POST", headers: { origin: CONSOLE } });
    await rung();
    expect(leave).toHaveBeenCalledTimes(1);
    expect(await evicts()).toEqual([]);
    await evictDurableObject(guests());
    vi.setSystemTime(Date.now() + 31_000);
    expect(await runDurableObjectAlarm(guests())).toBe(true);
    expect(await evicted()).toBe(open.visitor);
    await expectNoAccess(open);
  });

  it("is not seen any more for so long that the login ends is out, too", async () => {
    await share(session.id, { with: withBen, mode: "use", endsAt: soon(29 * 24 * HOUR) });
    const open = await inside(ben);
    vi.setSystemTime(Date.now() + 40 * 24 * HOUR);
    expect(await runDurableObjectAlarm(guests())).toBe(true);
    expect(await evicted()).toBe(open.visitor);
  });
});

const soon = (ms: number): string => new Date(Date.now() + ms).toISOString();

/** The guest's cookie opens nothing, though the share may live. */
async function expectNoAccess({ browser }: Pick<Open, "browser">): Promise<void> {
  const answer = await browser.go(guestUrl(session.id), { headers: { accept: "application/json" } });
  expect([401, 404]).toContain(answer.status);
  expect(await agent.untaken()).toEqual([]);
}
