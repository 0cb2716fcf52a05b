import { LOCAL_USER, type UserId } from "../../contract/person.ts";
import { type CanceledBy, isEnded, type SessionReport } from "../../contract/session.ts";
import { EventSession, type EventType, type SessionEvent } from "../../contract/webhook.ts";
import { backOff } from "../webhooks/back-off.ts";
import type { WebhookTarget } from "../webhooks/config.ts";
import { type Outcome, sendMessage, type SendOptions } from "../webhooks/send.ts";
import type { Chore } from "./alarm.ts";
import type { Caller } from "./api.ts";
import type { Audit, AuditAction } from "./audit.ts";
import { type DeadLetter, DeliveryQueue, type OutgoingRow } from "./delivery-queue.ts";
import { sessionView } from "./session-view.ts";
import type { StoredSession } from "./store.ts";

export type DeliveriesOptions = {
  sql: SqlStorage;
  /** Where messages go; null: nowhere. */
  target: WebhookTarget | null;
  /** Whose sessions they are. */
  owner: () => { id: UserId; subject: string } | null;
  audit: Audit;
  canceledBy: (session: string) => CanceledBy | null;
  /** Counts how an attempt went. */
  count: (outcome: "delivered" | "failed" | "dead") => void;
  fetch: SendOptions["fetch"];
  deadline: SendOptions["deadline"];
  /** Milliseconds since 1970. */
  now: () => number;
  /** From 0 to below 1. */
  random: () => number;
  /** The time of what is due may have changed. */
  onChange: () => void;
};

/** An attempt of which nothing is heard for so long died with the object. Milliseconds. */
const LEASE_MS = 60_000;
/** Attempts at once. A Worker may wait for six answers at a time (Cloudflare, Workers limits). */
const PARALLEL = 5;
/** Failures of a message after which it is found out whether it fails alone: some 35 s where it is refused, else 73 min. */
const PATIENCE = { refused: 3, failed: 6 } as const;

/**
 * Tells the platform of sessions: messages are put down in SQLite when something changes, and sent by the object's alarm,
 * so that no receiver is waited for. Functions call it by `partOf(env, user, "deliveries")`.
 */
export class Deliveries implements Chore {
  /** Called when there is one dead letter more or fewer. */
  onDead: () => void = () => undefined;
  readonly #options: DeliveriesOptions;
  readonly #queue: DeliveryQueue;
  /** The attempts under way, by message, and until when each has time. */
  readonly #sending = new Map<string, number>();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
    this.#queue = new DeliveryQueue(options.sql);
  }

  /**
   * Notes what is to be told of a change.
   * @param before the report until now
   */
  changed(stored: StoredSession, before: SessionReport | null): void {
    if (this.#options.target === null) return;
    const at = this.#options.now();
    for (const type of eventsOf(stored.report, before)) this.#put(type, stored, at);
    this.#options.onChange();
  }

  due(): number | null {
    if (this.#options.target === null) return null;
    // With no room for another attempt, the end of one is waited for.
    return this.underway < PARALLEL ? this.#queue.due() : Math.min(...this.#sending.values());
  }

  /** Begins to send what is due, and does not wait for it. */
  async run(now: number): Promise<void> {
    const { target } = this.#options;
    if (target === null) return;
    for (const message of this.#queue.ready(now, PARALLEL - this.underway)) void this.#send(target, message);
  }

  /** How many attempts wait for the receiver. */
  get underway(): number {
    return this.#sending.size;
  }

  /** What could not be delivered, the latest first. */
  async dead(): Promise<DeadLetter[]> {
    return this.#queue.dead();
  }

  /** How many could not be delivered. */
  deadCount(): number {
    return this.#queue.deadCount();
  }

  /** Sends a dead letter again, with all its attempts. False: there is none such. */
  async redeliver(id: string, by: Caller): Promise<boolean> {
    return this.#told("webhook.redeliver", id, by, this.#queue.revive(id, this.#options.now()));
  }

  /** Forgets a dead letter. False: there is none such. */
  async discard(id: string, by: Caller): Promise<boolean> {
    return this.#told("webhook.discard", id, by, this.#queue.discard(id));
  }

  #told(action: AuditAction, id: string, by: Caller, isFound: boolean): boolean {
    if (!isFound) return false;
    this.#options.audit.note(action, by, { detail: id, at: this.#options.now() });
    this.onDead();
    this.#options.onChange();
    return true;
  }

  #put(type: EventType, stored: StoredSession, at: number): void {
    const { owner, canceledBy } = this.#options;
    const context = { reachable: true, host: "", now: at, canceledBy: canceledBy(stored.spec.id) };
    const session = EventSession.parse(sessionView(stored, context));
    const event: SessionEvent = {
      type,
      timestamp: new Date(at).toISOString(),
      data: { user: owner()?.subject ?? LOCAL_USER, session },
    };
    const id = `msg_${crypto.randomUUID().replaceAll("-", "")}`;
    const message = { id, session: stored.spec.id, type, body: JSON.stringify(event), at };
    const last = this.#queue.last(message.session);
    const isSuperseded = type === "session.updated" && last?.type === type && !this.#sending.has(last.id);
    if (isSuperseded) this.#queue.replace(last.id, message);
    else if (!this.#queue.add(message)) this.#died(message, "there was no room for it");
  }

  async #send(target: WebhookTarget, message: OutgoingRow): Promise<void> {
    const outcome = await this.#attempt(target, message, (until) => this.#queue.begin(message.id, until));
    this.#settle(message, outcome);
    const behind = this.#heldUp(message, outcome);
    const passing = behind === undefined ? undefined : this.#pass(target, message, behind);
    this.#sending.delete(message.id);
    await passing;
    this.#options.onChange();
  }

  /** What waits behind a message that has failed often enough. A receiver that asks for time is left alone. */
  #heldUp(message: OutgoingRow, outcome: Outcome): OutgoingRow | undefined {
    if (outcome.kind !== "failed" || outcome.retryAfterMs > 0) return undefined;
    const patience = outcome.isRefused ? PATIENCE.refused : PATIENCE.failed;
    return message.attempts + 1 < patience ? undefined : this.#queue.behind(message.id);
  }

  /**
   * Sends what waits behind a message that failed. A receiver that takes it does not fail as a whole: then nothing waits
   * for that message any more. Else the order is kept, and this was no attempt.
   */
  async #pass(target: WebhookTarget, failed: OutgoingRow, behind: OutgoingRow): Promise<void> {
    const { now, count } = this.#options;
    const outcome = await this.#attempt(target, behind, (until) => this.#queue.lease(behind.id, until));
    this.#sending.delete(behind.id);
    if (outcome.kind === "failed") {
      count("failed");
      this.#queue.delay(behind.id, behind.due, outcome.error);
      return;
    }
    this.#settle(behind, outcome);
    // The receiver may have come back just now: then this one still comes right after.
    if (outcome.kind === "delivered") this.#queue.stepAside(failed.id, now());
  }

  /** @param begin notes until when nothing else is to be tried with the message */
  #attempt(target: WebhookTarget, message: OutgoingRow, begin: (until: number) => void): Promise<Outcome> {
    const { fetch, deadline, now } = this.#options;
    const until = now() + LEASE_MS;
    this.#sending.set(message.id, until);
    begin(until);
    return sendMessage(target, message, { fetch, now: now(), deadline });
  }

  #settle(message: OutgoingRow, outcome: Outcome): void {
    const { now, random, count } = this.#options;
    if (outcome.kind === "delivered") {
      count("delivered");
      this.#queue.remove(message.id);
      return;
    }
    const wait =
      outcome.kind === "gone" ? null : backOff(message.attempts + 1, outcome.retryAfterMs, random());
    count(wait === null ? "dead" : "failed");
    if (wait !== null) {
      this.#queue.delay(message.id, now() + wait, outcome.error);
      return;
    }
    this.#queue.bury(message.id, outcome.error, now());
    this.#died(message, outcome.error);
  }

  #died(message: Pick<OutgoingRow, "id" | "session" | "type">, error: string): void {
    const { audit, owner, now } = this.#options;
    const by = { user: owner()?.id ?? LOCAL_USER, name: "the edge", from: null, via: "edge" } as const;
    const detail = `${message.type} ${message.id}: ${error}`;
    audit.note("webhook.dead", by, { session: message.session, detail, at: now() });
    this.onDead();
  }
}

/** What a change is worth telling; the last word of a session is its end. */
function eventsOf(report: SessionReport | null, before: SessionReport | null): EventType[] {
  const events: EventType[] = ["session.updated"];
  if (report === null || report === before) return events;
  const ranBefore = before?.startedAt !== undefined || before?.state === "running";
  if (report.state === "running" && !ranBefore) events.push("session.ready");
  if (report.state === "failed" && before?.state !== "failed") events.push("session.failed");
  if (isEnded(report.state) && !isEnded(before?.state ?? "submitted")) events.push("session.ended");
  return events;
}
