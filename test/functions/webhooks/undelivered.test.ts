import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LOCAL_USER } from "../../../contract/person.ts";
import { answers, type Post, withPost } from "../support/post.ts";

afterEach(reset);

const [A, B] = ["s00000000000a", "s00000000000b"];
const RUNNING = { state: "running", startedAt: 1_790_000_000_000 } as const;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** The operator. */
const OLGA = { user: LOCAL_USER, name: "Olga", from: null, via: "console" } as const;

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
      await vi.waitFor(() => expect(post.deliveries.due()).toBe(post.now), { timeout: 20_000 });
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
      await post.idle();
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
      expect(entry).toMatchObject({ action: "webhook.redeliver", by: OLGA, detail: id });
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
