import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { SessionReport } from "../../../contract/session.ts";
import { SessionEvent } from "../../../contract/webhook.ts";
import type { WebhookTarget } from "../../../functions/webhooks/config.ts";
import type { SendOptions } from "../../../functions/webhooks/send.ts";
import { Audit } from "../../../functions/workspace/audit.ts";
import { Deliveries } from "../../../functions/workspace/deliveries.ts";
import { report, spec } from "./samples.ts";

/** A message as the receiver got it. */
export type Received = { id: string; event: SessionEvent; headers: Headers; at: number };

type Answer = (message: Received, signal: AbortSignal) => Response | Promise<Response>;

export const TARGET: WebhookTarget = {
  url: "https://platform.example.org/hook",
  keys: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
};

/** The deliveries of one workspace, with a clock and a receiver of the test's; nothing is sent until it rings. */
export class Post {
  /** Milliseconds since 1970. */
  now = 1_800_000_000_000;
  /** The middle of the jitter. */
  random = 0.5;
  readonly received: Received[] = [];
  readonly audit: Audit;
  /** What the receiver does with a message: takes it, unless told otherwise. */
  answer: Answer = () => new Response(null, { status: 204 });
  deliveries: Deliveries;
  deaths = 0;
  /** How the attempts went. */
  readonly counted: string[] = [];
  readonly #sql: SqlStorage;
  #deadlines: { ms: number; pass: () => void }[] = [];
  /** Messages to which the receiver has not answered yet. */
  #unanswered = 0;
  #waiters: (() => void)[] = [];

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.audit = new Audit(sql);
    this.deliveries = this.#make();
  }

  /** As an eviction does it: memory is gone, storage is not. */
  evict(): void {
    this.#unanswered = 0;
    this.deliveries = this.#make();
  }

  /** Something of a session changes. */
  change(id: string, changes: Partial<SessionReport>, before: Partial<SessionReport> | null = null): void {
    this.deliveries.changed(
      { spec: spec(id), want: "run", report: report(id, { startedAt: undefined, ...changes }) },
      before === null ? null : report(id, { startedAt: undefined, ...before }),
    );
  }

  /** Lets what is due be sent, and waits for what answers. */
  async ring(): Promise<void> {
    await this.deliveries.run(this.now);
    await this.settled();
  }

  /** Resolves when every answer has been taken note of. */
  async settled(): Promise<void> {
    while (this.deliveries.underway > this.#unanswered)
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Resolves when nothing is on its way any more. */
  async idle(): Promise<void> {
    while (this.deliveries.underway > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Rings at the next time that something is due, and returns how long that took in ms; null: nothing is. */
  async next(): Promise<number | null> {
    const due = this.deliveries.due();
    if (due === null) return null;
    const waited = Math.max(0, due - this.now);
    this.now = Math.max(this.now, due);
    await this.ring();
    return waited;
  }

  /** The types that came, with their sessions. */
  get told(): string[] {
    return this.received.map(({ event }) => `${event.data.session.id} ${event.type}`);
  }

  #make(): Deliveries {
    const deliveries = new Deliveries({
      sql: this.#sql,
      target: TARGET,
      owner: () => null,
      audit: this.audit,
      canceledBy: () => null,
      count: (outcome) => this.counted.push(outcome),
      fetch: (url, init) => this.#receive(url, init),
      deadline: (ms) => this.#deadline(ms),
      now: () => this.now,
      random: () => this.random,
      onChange: () => {
        for (const resolve of this.#waiters.splice(0)) resolve();
      },
    });
    deliveries.onDead = () => (this.deaths += 1);
    return deliveries;
  }

  /** Lets the receiver's time run out, and returns how long that was. */
  timeOut(): number[] {
    for (const { pass } of this.#deadlines) pass();
    return this.#deadlines.splice(0).map(({ ms }) => ms);
  }

  #deadline(ms: number): AbortSignal {
    const controller = new AbortController();
    this.#deadlines.push({ ms, pass: () => controller.abort(new DOMException("", "TimeoutError")) });
    return controller.signal;
  }

  async #receive(...[url, init]: Parameters<SendOptions["fetch"]>): Promise<Response> {
    if (url !== TARGET.url || init.redirect !== "manual") throw new Error("sent elsewhere");
    const headers = new Headers(init.headers);
    const event = SessionEvent.parse(JSON.parse(init.body));
    const message = { id: headers.get("webhook-id") ?? "", event, headers, at: this.now };
    this.received.push(message);
    const { deliveries } = this;
    const answer = this.answer(message, init.signal);
    if (answer instanceof Response) return answer;
    this.#unanswered += 1;
    try {
      return await answer;
    } finally {
      if (deliveries === this.deliveries) this.#unanswered -= 1;
    }
  }
}

/** Runs a test with the deliveries of a workspace of its own. */
export const withPost = (test: (post: Post) => Promise<void>) => (): Promise<void> =>
  runInDurableObject(env.WORKSPACE.getByName("of this test"), (_object, { storage }) =>
    test(new Post(storage.sql)),
  );

/** A receiver's answer. */
export const answers =
  (status: number, headers: Record<string, string> = {}) =>
  (): Response =>
    new Response(null, { status, headers });
