import { reset } from "cloudflare:test";
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, it, vi } from "vitest";
import { answers, type Post, TARGET, withPost } from "../support/post.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

const [A, B] = ["s00000000000a", "s00000000000b"];
const RUNNING = { state: "running", startedAt: 1_790_000_000_000 } as const;

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const WAITS = [5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];

describe("what the platform is told", () => {
  it(
    "is every change, that a session is ready, that it failed, and that it ended",
    withPost(async (post) => {
      const tell = async (...change: Parameters<Post["change"]>): Promise<string[]> => {
        post.change(...change);
        while ((await post.next()) !== null);
        return post.told.splice(0, post.received.splice(0).length);
      };
      const session = (...events: string[]) => events.map((event) => `${A} session.${event}`);
      expect(await tell(A, { state: "starting" })).toEqual(session("updated"));
      expect(await tell(A, RUNNING, { state: "starting" })).toEqual(session("updated", "ready"));
      expect(await tell(A, { ...RUNNING, state: "starting" }, RUNNING)).toEqual(session("updated"));
      expect(await tell(A, RUNNING, { ...RUNNING, state: "starting" })).toEqual(session("updated"));
      expect(await tell(A, { ...RUNNING, state: "failed", error: "It fell" }, RUNNING)).toEqual(
        session("updated", "failed", "ended"),
      );
      expect(await tell(A, { state: "completed" }, RUNNING)).toEqual(session("updated", "ended"));
      expect(await tell(A, { state: "canceled" }, null)).toEqual(session("updated", "ended"));
    }),
  );

  it(
    "is signed, dated, and says neither what opens the session nor what was typed in",
    withPost(async (post) => {
      post.change(A, { state: "running", slug: "lab?token=1234", port: 51_000 });
      await post.ring();
      const [message] = post.received;
      expect(message?.id).toMatch(/^msg_[0-9a-f]{32}$/);
      expect(message?.event).toMatchObject({
        type: "session.updated",
        timestamp: new Date(post.now).toISOString(),
        data: { user: "local", session: { id: A, state: "running", port: 51_000 } },
      });
      const body = JSON.stringify(message?.event);
      for (const secret of ["token", "1234", "url", "slug", "inputs"]) expect(body).not.toContain(secret);
      vi.useFakeTimers({ now: post.now, toFake: ["Date"] });
      const headers = Object.fromEntries(message?.headers ?? []);
      expect(new Webhook(TARGET.keys[0] ?? "").verify(body, headers)).toEqual(message?.event);
    }),
  );

  it(
    "is only the last of changes that were not sent yet",
    withPost(async (post) => {
      for (const status of ["Installing", "Configuring", "Starting"])
        post.change(A, { state: "starting", status });
      post.change(B, { state: "queued" });
      while ((await post.next()) !== null);
      expect(post.told).toEqual([`${A} session.updated`, `${B} session.updated`]);
      expect(post.received[0]?.event.data.session.status).toBe("Starting");
    }),
  );

  it(
    "keeps each session's order, whatever the receiver does",
    withPost(async (post) => {
      let failures = 0;
      post.answer = () => new Response(null, { status: (failures += 1) % 3 === 0 ? 200 : 503 });
      post.change(A, RUNNING, { state: "starting" });
      post.change(A, { ...RUNNING, state: "failed" }, RUNNING);
      while ((await post.next()) !== null);
      const taken = post.told.filter((told, at) => told !== post.told[at + 1]);
      expect(taken).toEqual(
        ["updated", "ready", "updated", "failed", "ended"].map((type) => `${A} session.${type}`),
      );
    }),
  );
});

describe("a receiver that fails", () => {
  it(
    "five times, then gets the message: the same one, signed anew each time",
    withPost(async (post) => {
      post.answer = () => new Response(null, { status: post.received.length <= 5 ? 500 : 200 });
      post.change(A, { state: "starting" });
      const waits = [];
      for (let wait = await post.next(); wait !== null; wait = await post.next()) waits.push(wait);
      expect(waits).toEqual([0, ...WAITS.slice(0, 5)]);
      expect(new Set(post.received.map(({ id }) => id)).size).toBe(1);
      expect(post.received.map(({ headers }) => Number(headers.get("webhook-timestamp")))).toEqual(
        post.received.map(({ at }) => Math.floor(at / 1000)),
      );
      expect(await post.deliveries.dead()).toEqual([]);
      expect(post.counted).toEqual([...Array<string>(5).fill("failed"), "delivered"]);
    }),
  );

  it(
    "is tried for 22 hours, and then the message is a dead letter",
    withPost(async (post) => {
      post.answer = answers(500);
      post.change(A, { state: "starting" });
      const begin = post.now;
      while ((await post.next()) !== null);
      expect(post.received).toHaveLength(WAITS.length + 1);
      expect(post.now - begin).toBe(WAITS.reduce((sum, wait) => sum + wait));
      expect(await post.deliveries.dead()).toEqual([
        {
          id: post.received[0]?.id,
          session: A,
          type: "session.updated",
          attempts: 9,
          error: "the receiver answered 500",
          at: begin,
          died: post.now,
        },
      ]);
      expect([post.deaths, post.deliveries.deadCount()]).toEqual([1, 1]);
      const entry = post.audit.after(0, 10).find(({ action }) => action === "webhook.dead");
      expect(entry).toMatchObject({ session: A, by: { via: "edge" } });
      expect(entry?.detail).toBe(`session.updated ${post.received[0]?.id}: the receiver answered 500`);
    }),
  );

  it(
    "does not get everything at the same moment again",
    withPost(async (post) => {
      post.answer = answers(500);
      const waits = [];
      for (const random of [0, 0.999_999]) {
        post.random = random;
        post.change(random === 0 ? A : B, { state: "starting" });
        await post.ring();
        waits.push((post.deliveries.due() ?? 0) - post.now);
      }
      expect(waits).toEqual([4000, 4000]);
      post.now += 4000;
      post.answer = answers(200);
      await post.ring();
      expect((post.deliveries.due() ?? 0) - post.now).toBe(2000);
    }),
  );

  it.each([
    ["120", 120 * SECOND],
    ["2", 5 * SECOND],
    ["9999999", 12 * HOUR],
    ["soon", 5 * SECOND],
    ["-7", 5 * SECOND],
    [new Date(1_800_000_000_000 + 90 * SECOND).toUTCString(), 90 * SECOND],
  ])("and says to come back after %s is heard, within limits", (after, wait) =>
    withPost(async (post) => {
      post.answer = answers(503, { "retry-after": after });
      post.change(A, { state: "starting" });
      await post.next();
      expect(await post.next()).toBe(wait);
    })(),
  );

  it(
    "and says 410 gets nothing of it again",
    withPost(async (post) => {
      post.answer = answers(410);
      post.change(A, { state: "starting" });
      while ((await post.next()) !== null);
      expect(post.received).toHaveLength(1);
      expect(await post.deliveries.dead()).toMatchObject([
        { attempts: 1, error: "the receiver answered 410: it is gone" },
      ]);
    }),
  );

  it(
    "by leading elsewhere is not followed",
    withPost(async (post) => {
      post.answer = answers(307, { location: "https://evil.example.org/" });
      post.change(A, { state: "starting" });
      await post.next();
      post.answer = answers(200);
      while ((await post.next()) !== null);
      expect(post.received).toHaveLength(2);
      expect(post.received[1]?.id).toBe(post.received[0]?.id);
    }),
  );

  it(
    "by answering without an end is not read",
    withPost(async (post) => {
      let given = 0;
      post.answer = () =>
        new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array((given += 1))) }));
      post.change(A, { state: "starting" });
      await post.next();
      expect(post.deliveries.due()).toBeNull();
      expect(given).toBeLessThan(5);
    }),
  );

  it(
    "is not told less of what is true meanwhile, nor sooner",
    withPost(async (post) => {
      post.answer = answers(500);
      post.change(A, { state: "starting", status: "One" });
      await post.ring();
      const due = post.deliveries.due();
      post.change(A, { state: "starting", status: "Two" });
      expect(post.deliveries.due()).toBe(due);
      post.answer = answers(200);
      while ((await post.next()) !== null);
      expect(post.received.map(({ event }) => event.data.session.status)).toEqual(["One", "Two"]);
      expect(new Set(post.received.map(({ id }) => id)).size).toBe(2);
    }),
  );
});
