import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { answers, type Post, type Received, withPost } from "../support/post.ts";

afterEach(reset);

const [A, B] = ["s00000000000a", "s00000000000b"];
const RUNNING = { state: "running", startedAt: 1_790_000_000_000 } as const;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** What was taken, in order: an attempt that failed comes again. */
const taken = (post: Post, isTaken: (index: number) => boolean): string[] =>
  post.received.flatMap(({ event }, index) => (isTaken(index) ? [event.type] : []));

/** A session runs and ends: five messages, each of its own. */
function live(post: Post, id: string): void {
  post.change(id, RUNNING, { state: "starting" });
  post.change(id, { ...RUNNING, state: "failed" }, RUNNING);
}
const LIFE = ["updated", "ready", "updated", "failed", "ended"].map((type) => `session.${type}`);

/** Fails what a test says it fails, and notes what it takes. */
function receiver(post: Post, failing: (type: string, at: number) => number | undefined): number[] {
  const takenAt: number[] = [];
  post.answer = ({ event, at }) => {
    const status = failing(event.type, at);
    if (status === undefined) takenAt.push(post.received.length - 1);
    return new Response(null, { status: status ?? 204 });
  };
  return takenAt;
}

describe("a message that the receiver never takes", () => {
  it.each([
    [400, MINUTE],
    [422, MINUTE],
    [429, 2 * HOUR],
    [500, 2 * HOUR],
  ])("for it answers %i, lets what comes after it pass within %i ms", (status, within) =>
    withPost(async (post) => {
      const begin = post.now;
      const indexes = receiver(post, (type) => (type === "session.ready" ? status : undefined));
      live(post, A);
      const isOver = () => post.told.includes(`${A} session.ended`);
      while (!isOver()) await post.next();
      expect(post.now - begin).toBeLessThan(within);
      expect(taken(post, (index) => indexes.includes(index))).toEqual(
        LIFE.filter((type) => type !== "session.ready"),
      );
      while ((await post.next()) !== null);
      expect(await post.deliveries.dead()).toMatchObject([
        { session: A, type: "session.ready", attempts: 9 },
      ]);
      // Each of the others came once.
      expect(indexes).toHaveLength(LIFE.length - 1);
    })(),
  );

  it(
    "for it does not answer it, lets what comes after it pass",
    withPost(async (post) => {
      post.answer = ({ event }, signal) =>
        event.type === "session.ready"
          ? new Promise((_resolve, reject) => {
              signal.addEventListener("abort", () => reject(signal.reason as Error));
            })
          : new Response(null, { status: 204 });
      live(post, A);
      for (let turn = 0; turn < 10 && !post.told.includes(`${A} session.ended`); turn += 1) {
        await post.next();
        post.timeOut();
        await post.idle();
      }
      expect(post.told.filter((told) => !told.endsWith("ready"))).toEqual(
        ["updated", "updated", "failed", "ended"].map((type) => `${A} session.${type}`),
      );
    }),
  );

  it(
    "gives way to a newer word of the same kind at once",
    withPost(async (post) => {
      const isBroken = ({ event: { type, data } }: Received): boolean =>
        type === "session.updated" && data.session.status === "Broken";
      post.answer = (message) => new Response(null, { status: isBroken(message) ? 422 : 204 });
      post.change(A, { state: "starting", status: "Broken" });
      await post.ring();
      post.change(A, { ...RUNNING, status: "Broken" }, { state: "starting" });
      while (!post.told.includes(`${A} session.ready`)) await post.next();
      await post.next();
      const before = post.now;
      post.change(A, { ...RUNNING, status: "Well" }, RUNNING);
      await post.next();
      expect(post.received.at(-1)?.event.data.session.status).toBe("Well");
      expect(post.now - before).toBeLessThan(MINUTE);
    }),
  );

  it(
    "stays aside over an eviction",
    withPost(async (post) => {
      receiver(post, (type) => (type === "session.ready" ? 422 : undefined));
      live(post, A);
      while (!post.told.includes(`${A} session.ended`)) await post.next();
      post.evict();
      const before = post.now;
      post.change(
        A,
        { ...RUNNING, state: "failed", status: "After its end" },
        { ...RUNNING, state: "failed" },
      );
      while (post.told.filter((told) => told.endsWith("updated")).length < 3) await post.next();
      expect(post.now).toBe(before);
    }),
  );
});

describe("a receiver that fails as a whole", () => {
  it.each([500, 404])("for an hour, by %i, then gets everything once and in order", (status) =>
    withPost(async (post) => {
      const begin = post.now;
      const indexes = receiver(post, (_type, at) => (at - begin < HOUR ? status : undefined));
      live(post, A);
      live(post, B);
      while ((await post.next()) !== null);
      for (const session of [A, B]) {
        const own = new Set(
          indexes.filter((index) => post.received[index]?.event.data.session.id === session),
        );
        expect(taken(post, (index) => own.has(index))).toEqual(LIFE);
      }
      expect(new Set(indexes.map((index) => post.received[index]?.id)).size).toBe(2 * LIFE.length);
      expect(await post.deliveries.dead()).toEqual([]);
    })(),
  );

  it(
    "for five attempts, gets what comes behind right after the message that it then takes",
    withPost(async (post) => {
      let failures = 0;
      const indexes = receiver(post, () => ((failures += 1) <= 5 ? 503 : undefined));
      live(post, A);
      const waits: number[] = [];
      for (let wait = await post.next(); wait !== null; wait = await post.next()) waits.push(wait);
      expect(taken(post, (index) => indexes.includes(index))).toEqual(LIFE);
      expect(waits).toEqual([0, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, HOUR, 0, 0, 0, 0]);
    }),
  );

  it(
    "and asks for time, is sent nothing else of the session",
    withPost(async (post) => {
      post.answer = answers(503, { "retry-after": "120" });
      live(post, A);
      for (let attempt = 0; attempt < 5; attempt += 1) await post.next();
      expect(new Set(post.received.map(({ id }) => id)).size).toBe(1);
    }),
  );

  it(
    "has still five requests open at most",
    withPost(async (post) => {
      const sessions = Array.from({ length: 8 }, (_, index) => `s0000000000${index}a`);
      let [open, most] = [0, 0];
      post.answer = async () => {
        most = Math.max(most, (open += 1));
        await Promise.resolve();
        open -= 1;
        return new Response(null, { status: 500 });
      };
      for (const id of sessions) live(post, id);
      for (let turn = 0; turn < 40; turn += 1) {
        await post.next();
        await post.idle();
      }
      expect(most).toBe(5);
    }),
  );
});
