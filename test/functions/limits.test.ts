import { env } from "cloudflare:workers";
import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { assert, array, integer, property } from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BerthError } from "../../contract/problem.ts";
import {
  checkHeaderSizes,
  HEADER_LIMIT,
  HEADERS_LIMIT,
  limitsOf,
  type Limits,
} from "../../functions/limits.ts";
import { configOf } from "../../functions/config.ts";
import { launchWait } from "../../functions/workspace/launch-limit.ts";
import type { Env } from "../../functions/env.ts";
import { TestAgent } from "./support/agent.ts";
import { Browser } from "./support/browser.ts";
import { api, CONSOLE, launch, problemOf, SESSIONS, workspace } from "./support/edge.ts";
import { EventReader } from "./support/event-reader.ts";
import { running } from "./support/running.ts";
import { report, service } from "./support/samples.ts";
import { call, messageId } from "./support/webhooks.ts";

/** Sets limits as an operator would, in the settings that the object reads. */
const limited = (changes: Partial<Limits>): Promise<void> =>
  runInDurableObject(workspace(), (instance) => {
    Object.assign(configOf(Reflect.get(instance, "env") as Env).limits, changes);
  });

let agent: TestAgent;
beforeEach(async () => {
  agent = await TestAgent.connect();
});
afterEach(async () => {
  vi.useRealTimers();
  await limited(limitsOf(env));
  await agent[Symbol.asyncDispose]();
  await reset();
});

const post = (headers: Record<string, string> = {}): Promise<Response> =>
  api("POST", "/api/sessions", { json: { service: "notebook" }, headers });

describe("the limits", () => {
  it("are the operator's, and on a shared edge lower than on one's own machine", () => {
    const shared = { ...env, BERTH_LOGIN: "oidc" };
    expect(limitsOf(shared)).toEqual({ launches: 10, sessions: 50, streams: 512, followers: 64 });
    expect(limitsOf({ ...shared, BERTH_LIMIT_LAUNCHES: "3", BERTH_LIMIT_STREAMS: "" })).toMatchObject({
      launches: 3,
      streams: 512,
    });
    expect(limitsOf(env).launches).toBeGreaterThan(limitsOf(shared).launches);
  });

  it.each(["0", "-1", "1.5", "ten", "1e9", "0x10", " 5"])("are no %j", (value) => {
    expect(() => limitsOf({ ...env, BERTH_LIMIT_SESSIONS: value })).toThrow(
      expect.objectContaining({ code: "not_configured" }),
    );
  });
});

describe("the wait for another launch", () => {
  const MINUTE = 60_000;

  it("lasts until the limit's first launch is a minute ago", () => {
    expect(launchWait([], 2, MINUTE)).toBe(0);
    expect(launchWait([50_000], 2, MINUTE)).toBe(0);
    expect(launchWait([50_000, 10_000], 2, MINUTE)).toBe(10_000);
    expect(launchWait([50_000, 10_000], 2, 70_000)).toBe(0);
    expect(launchWait([1_000_000], 1, MINUTE)).toBe(0);
  });

  it("keeps every window of a minute within the limit, and ends", () => {
    const times = array(integer({ min: 0, max: 10 * MINUTE }), { maxLength: 60 });
    assert(
      property(times, integer({ min: 1, max: 8 }), (asked, limit) => {
        const launched: number[] = [];
        for (const now of asked.toSorted((a, b) => a - b)) {
          const wait = launchWait(launched, limit, now);
          expect(wait).toBeLessThanOrEqual(MINUTE);
          expect(launchWait(launched, limit, now + wait)).toBe(0);
          if (wait === 0) launched.push(now);
        }
        for (const [index, at] of launched.entries())
          expect((launched[index + limit] ?? Infinity) - at).toBeGreaterThanOrEqual(MINUTE);
      }),
    );
  });
});

describe("launches", () => {
  it("beyond the limit within a minute are refused with the time to wait, also after an eviction", async () => {
    await limited({ launches: 2 });
    expect([(await post()).status, (await post()).status]).toEqual([201, 201]);
    for (const evicts of [false, true]) {
      if (evicts) {
        await agent[Symbol.asyncDispose]();
        await evictDurableObject(workspace());
      }
      const refused = await post();
      const wait = Number(refused.headers.get("retry-after"));
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(60);
      expect(await problemOf(refused)).toMatchObject({
        status: 429,
        code: "too_many_requests",
        retryAfter: wait,
      });
    }
    expect(await (await api("GET", "/api/sessions")).json()).toHaveLength(2);
  });

  it("that repeat an earlier one do not count, nor do those that are not valid", async () => {
    await limited({ launches: 2 });
    const headers = { "idempotency-key": "the-very-same" };
    expect((await post(headers)).status).toBe(201);
    for (let time = 0; time < 5; time += 1) expect((await post(headers)).status).toBe(200);
    expect((await api("POST", "/api/sessions", { json: { service: "nothing" } })).status).toBe(404);
    expect((await post()).status).toBe(201);
    expect((await post()).status).toBe(429);
    expect((await post(headers)).status).toBe(200);
  });

  it("of the platform's count and wait too, and a webhook that waited launches by its same id", async () => {
    await limited({ launches: 1 });
    const data = { user: "local", service: "notebook" };
    expect((await call("session.launch", data)).status).toBe(201);
    const id = messageId();
    const refused = await call("session.launch", data, { id });
    expect(await problemOf(refused)).toMatchObject({ status: 429, code: "too_many_requests" });
    vi.setSystemTime(Date.now() + Number(refused.headers.get("retry-after")) * 1000);
    expect((await call("session.launch", data, { id })).status).toBe(201);
    expect((await call("session.launch", data, { id })).status).toBe(201);
    expect(await (await api("GET", "/api/sessions")).json()).toHaveLength(2);
  });

  it("are refused in the page too, which says when to come back and keeps what was typed", async () => {
    agent.send({
      type: "catalogue",
      services: [service({ inputs: [{ name: "folder", type: "string" }] })],
    });
    await agent.untaken();
    await limited({ launches: 1 });
    const browser = await Browser.loggedIn();
    const send = (): Promise<Response> =>
      browser.go(`${CONSOLE}/launch/notebook`, {
        method: "POST",
        headers: { origin: CONSOLE, "content-type": "application/x-www-form-urlencoded" },
        body: "input-folder=tides&name=mine",
      });
    expect((await send()).status).toBe(303);
    const refused = await send();
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    const page = await refused.text();
    expect(page).toMatch(/the next one in \d+ s/);
    expect(page).toContain('value="mine"');
  });

  it("wait for an end where too many sessions live", async () => {
    await limited({ sessions: 2 });
    const { id } = await launch({ service: "notebook" });
    await launch({ service: "notebook" });
    const refused = await post();
    expect(refused.headers.get("retry-after")).toBeNull();
    const problem = await problemOf(refused);
    expect(problem).toMatchObject({ status: 429, code: "too_many_sessions" });
    expect(problem.remedy).toMatch(/^Cancel one/);
    await agent.report(report(id, { state: "canceled", status: "Canceled", endedAt: Date.now() }));
    expect((await post()).status).toBe(201);
  });
});

describe("event streams", () => {
  it("beyond the limit are refused, in the page too, until one is closed", async () => {
    await running(agent);
    await limited({ followers: 2 });
    const first = new EventReader(await api("GET", "/api/events"));
    await using second = new EventReader(await api("GET", "/wait/51458"));
    await second.next();
    for (const path of ["/api/events", "/wait/51458"])
      expect(await problemOf(await api("GET", path))).toMatchObject({
        status: 429,
        code: "too_many_requests",
        retryAfter: 1,
      });
    await first[Symbol.asyncDispose]();
    // That a reader has gone is noticed when another is refused, at the latest.
    const answer = await vi.waitFor(
      async () => {
        const response = await api("GET", "/api/events");
        if (response.status === 200) return response;
        await response.body?.cancel();
        throw new Error("there is no room yet");
      },
      { timeout: 20_000 },
    );
    await using third = new EventReader(answer);
    expect(await third.next()).toMatchObject({ event: "agent" });
  });
});

describe("a session's streams", () => {
  it("are limited by the agent, whom the edge tells by how many", async () => {
    await limited({ streams: 7 });
    await using again = await TestAgent.dial();
    again.hello();
    expect((await again.next("welcome")).head.limits).toEqual({ streams: 7 });
  });

  it("beyond the limit are 429 with the time to wait, as a problem and as a page", async () => {
    await running(agent);
    for (const accept of ["application/json", "text/html"]) {
      const answer = api("GET", "/me/51458/x", { headers: { accept } });
      const { head } = await agent.next("request");
      agent.send({ type: "fail", id: head.id, code: "busy", message: "the session has 512 open" });
      const response = await answer;
      expect([response.status, response.headers.get("retry-after")]).toEqual([429, "5"]);
      expect(await response.text()).toContain("The session answers too many requests at once");
    }
  });
});

describe("headers", () => {
  it("have a size each and together", () => {
    const sized = (size: number): [string, string] => ["x", "a".repeat(size - 1)];
    expect(() => checkHeaderSizes([sized(HEADER_LIMIT), sized(HEADERS_LIMIT - HEADER_LIMIT)])).not.toThrow();
    expect(() => checkHeaderSizes([sized(HEADER_LIMIT + 1)])).toThrow(BerthError);
    const many = Array.from({ length: HEADERS_LIMIT / 16 + 1 }, () => sized(16));
    expect(() => checkHeaderSizes(many)).toThrow(BerthError);
  });

  it.each([
    ["/api/sessions", CONSOLE],
    ["/", CONSOLE],
    ["/nothing", CONSOLE],
    ["/me/51458/", SESSIONS],
  ])("that are too large are 413 at %s, and reach no agent", async (path, host) => {
    await running(agent);
    const headers = { "x-large": "a".repeat(20_000), host: new URL(host).host };
    const response = await api("GET", path, { headers });
    expect(await problemOf(response)).toMatchObject({ status: 413, code: "payload_too_large" });
    expect(await agent.untaken()).toEqual([]);
  });
});

describe("a body for the API", () => {
  const PIECE = new Uint8Array(65_536).fill(32);

  it.each([
    ["with its length", () => new Uint8Array(9_000_000)],
    [
      "in chunks, without a length",
      () => {
        let left = 200;
        return new ReadableStream({
          pull: (controller) => (left-- > 0 ? controller.enqueue(PIECE) : controller.close()),
        });
      },
    ],
  ])("that is too large is 413, %s", async (_how, body) => {
    const headers = { "content-type": "application/json" };
    const response = await api("POST", "/api/sessions", { body: body(), headers });
    expect(await problemOf(response)).toMatchObject({ status: 413, code: "payload_too_large" });
  });
});
