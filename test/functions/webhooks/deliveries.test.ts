import { reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LOCAL_USER } from "../../../contract/person.ts";
import { LOCAL_USER } from "../../../contract/person.ts";
import { Post, TARGET } from "../support/post.ts";

afterEach(async () => {
  vi.useRealTimers();
  await reset();
});

/** Runs with the deliveries of a workspace of its own. */
const withPost = (test: (post: Post) => Promise<void>) => (): Promise<void> =>
  runInDurableObject(env.WORKSPACE.getByName("of this test"), (_object, { storage }) =>
    test(new Post(storage.sql)),
  );

const [A, B] = ["s00000000000a", "s00000000000b"];
const answers =
  (code: number, headers: Record<string, string> = {}) =>
  () =>
    new Response(null, { status: code, headers });
const RUNNING = { state: "running", startedAt: 1_790_000_000_000 } as const;

/** The operator. */
const OLGA = { user: LOCAL_USER, name: "Olga", from: null, via: "console" } as const;

const OPERATOR = { user: LOCAL_USER, name: "Olga", from: null, via: "console" } as const;

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

describe("a receiver that never answers", () => {
  const never = () => new Promise<Response>(() => undefined);

  it(
    "holds up nobody: not who changes a session, nor what is told of others",
    withPost(async (post) => {
      post.answer = ({ event }) => (event.data.session.id === A ? never() : new Response(null));
      post.change(A, { state: "starting" });
      await post.ring();
      post.change(B, { state: "starting" });
      await post.ring();
      post.change(A, { state: "running" }, { state: "starting" });
      expect(post.told).toEqual([`${A} session.updated`, `${B} session.updated`]);
    }),
  );

  it(
    "has at most five requests open, and the alarm waits for them to end",
    withPost(async (post) => {
      const sessions = Array.from({ length: 8 }, (_, index) => `s0000000000${index}a`);
      const waiting: (() => void)[] = [];
      post.answer = () => new Promise((resolve) => waiting.push(() => resolve(new Response(null))));
      for (const id of sessions) post.change(id, { state: "starting" });
      await post.ring();
      await post.ring();
      expect(post.received).toHaveLength(5);
      expect(post.deliveries.due()).toBeGreaterThan(post.now);
      waiting.shift()?.();
      await vi.waitFor(() => expect(post.deliveries.due()).toBe(post.now));
      await post.ring();
      expect(post.received).toHaveLength(6);
    }),
  );

  it(
    "is given up on after ten seconds",
    withPost(async (post) => {
      post.answer = (_message, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as Error));
        });
      post.change(A, { state: "starting" });
      await post.ring();
      expect(post.timeOut()).toEqual([10 * SECOND]);
      await vi.waitFor(() => expect(post.deliveries.underway).toBe(0));
      post.answer = answers(410);
      expect(await post.next()).toBe(5 * SECOND);
    }),
  );
});

describe("an eviction", () => {
  it(
    "between two attempts forgets nothing",
    withPost(async (post) => {
      post.answer = answers(500);
      post.change(A, RUNNING, { state: "starting" });
      await post.ring();
      post.evict();
      expect((post.deliveries.due() ?? 0) - post.now).toBe(5 * SECOND);
      post.answer = answers(200);
      while ((await post.next()) !== null);
      expect(post.told.slice(1)).toEqual([`${A} session.updated`, `${A} session.ready`]);
      expect(post.received[1]?.id).toBe(post.received[0]?.id);
    }),
  );

  it(
    "in the midst of an attempt has it made again, later, under the same id",
    withPost(async (post) => {
      post.answer = () => new Promise<Response>(() => undefined);
      post.change(A, { state: "starting" });
      await post.ring();
      post.evict();
      await post.ring();
      expect(post.received).toHaveLength(1);
      post.answer = answers(200);
      expect(await post.next()).toBe(MINUTE);
      expect(post.received[1]?.id).toBe(post.received[0]?.id);
      expect(post.deliveries.due()).toBeNull();
    }),
  );
});

describe("a dead letter", () => {
  const kill = async (post: Post, id: string): Promise<string> => {
    post.answer = answers(410);
    post.change(id, { state: "starting" });
    await post.ring();
    post.answer = answers(200);
    return post.received.at(-1)?.id ?? "";
  };

  it(
    "is sent again when the operator says so",
    withPost(async (post) => {
      const id = await kill(post, A);
      expect(await post.deliveries.redeliver(id, OLGA)).toBe(true);
      expect(post.deliveries.deadCount()).toBe(0);
      while ((await post.next()) !== null);
      expect(post.received.map((message) => message.id)).toEqual([id, id]);
      expect(await post.deliveries.redeliver(id, OLGA)).toBe(false);
      expect(post.deaths).toBe(2);
      const [entry] = post.audit.after(0, 10).slice(-1);
      expect(entry).toMatchObject({ action: "webhook.redeliver", by: OPERATOR, detail: id });
      expect(post.counted).toEqual(["dead", "delivered"]);
    }),
  );

  it(
    "is forgotten when the operator says so",
    withPost(async (post) => {
      const id = await kill(post, A);
      expect(await post.deliveries.discard("msg_other", OLGA)).toBe(false);
      expect(await post.deliveries.discard(id, OLGA)).toBe(true);
      expect(await post.deliveries.dead()).toEqual([]);
      expect(await post.deliveries.redeliver(id, OLGA)).toBe(false);
    }),
  );

  it(
    "is no obstacle to what comes after it",
    withPost(async (post) => {
      await kill(post, A);
      post.change(A, RUNNING, { state: "starting" });
      while ((await post.next()) !== null);
      expect(post.told.slice(1)).toEqual([`${A} session.updated`, `${A} session.ready`]);
    }),
  );

  it(
    "is also what comes when a thousand wait; two hundred are kept",
    withPost(async (post) => {
      for (let count = 0; count < 1300; count += 1)
        post.change(`s${String(count).padStart(12, "0")}`, { state: "queued" });
      const dead = await post.deliveries.dead();
      expect(dead).toHaveLength(200);
      expect(dead[0]).toMatchObject({ session: "s000000001299", attempts: 0 });
      expect(post.deaths).toBe(300);
    }),
  );
});
