import { noSessions } from "../../contract/operator.ts";
import { UserId } from "../../contract/person.ts";
import { isEnded } from "../../contract/session.ts";
import type { Counters } from "../counters.ts";
import type { Env } from "../env.ts";
import { registryPart } from "../registry/parts.ts";
import type {
  EndedSession,
  LiveSession,
  WorkspaceReceipt,
  WorkspaceReport,
  WorkspaceSnapshot,
} from "../registry/workspace-report.ts";
import type { Chore } from "./alarm.ts";
import type { Audit } from "./audit.ts";
import type { Feed } from "./feed.ts";
import type { Lock } from "./lock.ts";
import type { Logins } from "./logins.ts";
import { EndedOutbox } from "./ended-outbox.ts";
import { OutboxState } from "./outbox-state.ts";
import type { Store, StoredSession } from "./store.ts";

/** Audit entries in one report, and reports in one go: the rest goes a moment later. */
const BATCH = 200;
const BATCHES = 5;
/** The registry is given up on after so long, for now. Milliseconds. */
const PATIENCE_MS = 10_000;
/** Between two tries of a registry that fails, at most. Milliseconds. */
const LONGEST_WAIT_MS = 300_000;
/** What is counted is told within so long, when nothing else happens: it is counted all the time. Milliseconds. */
const COUNTED_MS = 120_000;

export type RegistrySyncOptions = {
  store: Store;
  feed: Feed;
  audit: Audit;
  lock: Lock;
  logins: Logins;
  counters: Counters;
  isOnline: () => boolean;
  /** How many webhooks could not be delivered. */
  dead: () => number;
  /** The time of the next report has changed. */
  onChange: () => void;
};

/**
 * Tells the registry what has changed, some moments afterwards: what the operator reads, nobody who works waits for. What
 * was not acknowledged is told again, also after an eviction.
 */
export class RegistrySync implements Chore {
  readonly #options: RegistrySyncOptions;
  readonly #send: (report: WorkspaceReport) => Promise<WorkspaceReceipt>;
  readonly #state: OutboxState;
  readonly #ended: EndedOutbox;
  /** What was last noticed of each live session, so that what the registry is not told wakes nobody. */
  readonly #noticed = new Map<string, string>();
  /** Counts the changes, to see whether one came while a report was on its way. */
  #changes = 0;
  /** And what is counted, likewise. */
  #counts = 0;

  constructor(ctx: DurableObjectState, env: Env, options: RegistrySyncOptions) {
    this.#send = (report) => registryPart(env, "intake").sync(UserId.parse(ctx.id.name), report);
    this.#options = options;
    this.#state = new OutboxState(ctx.storage.sql);
    this.#ended = new EndedOutbox(ctx.storage.sql);
    options.audit.onEntry = () => this.changed();
    options.feed.onSession = (stored) => this.session(stored);
    options.counters.onCount = () => {
      this.#counts += 1;
      this.#plan(COUNTED_MS);
    };
  }

  /** Something has changed that the registry is told. */
  changed(): void {
    this.#changes += 1;
    this.#plan(this.#spread());
  }

  /** A session may have changed. */
  session(stored: StoredSession): void {
    const live = liveSession(stored);
    const told = isEnded(live.state) ? undefined : JSON.stringify(live);
    if (told !== undefined && this.#noticed.get(live.id) === told) return;
    if (told === undefined) {
      this.#noticed.delete(live.id);
      this.#ended.add(live.id);
    } else this.#noticed.set(live.id, told);
    this.changed();
  }

  /** The agent came, went, or brought something new. `now` in milliseconds since 1970. */
  agent(now: number): void {
    const online = this.#options.isOnline();
    if (this.#state.value.online !== online) this.#state.save({ online, onlineSince: now });
    this.#changes += 1;
    // Nothing more is to be expected, and until it is told the object lives on, which an idle one would not otherwise.
    this.#plan(Math.round(this.#state.value.spreadMs * Math.random()));
  }

  /** The object lives again: whoever evicted it may have cut its link too. */
  awake(now: number): void {
    if (this.#state.value.online !== this.#options.isOnline()) this.agent(now);
  }

  due(): number | null {
    return this.#state.value.due;
  }

  async run(now: number): Promise<void> {
    const [changes, counts] = [this.#changes, this.#counts];
    try {
      const isAll = await this.#tellAll(now);
      const rests = !isAll || changes !== this.#changes;
      this.#state.save({ due: null, changedAt: null, failures: 0 });
      if (rests) this.#plan(this.#spread());
      else if (counts !== this.#counts) this.#plan(COUNTED_MS);
    } catch (error) {
      const failures = this.#state.value.failures + 1;
      console.warn(`the registry does not take reports (${failures}):`, error);
      const wait = Math.min(this.#state.value.spreadMs * 2 ** Math.min(failures, 20), LONGEST_WAIT_MS);
      this.#state.save({ failures, due: Math.round(now + wait * (0.5 + Math.random() / 2)) });
    }
  }

  /** False when there are more audit entries, or ended sessions, than go at once. */
  async #tellAll(now: number): Promise<boolean> {
    const { audit, store } = this.#options;
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const version = Math.max(this.#state.value.version + 1, Date.now());
      const entries = audit.after(this.#state.value.acknowledged, BATCH);
      const waitedMs = Math.max(0, now - (this.#state.value.changedAt ?? now));
      const over = this.#ended.first(BATCH);
      const ended = over.flatMap((id) => endedSession(store.session(id)) ?? []);
      const report: WorkspaceReport = {
        version,
        snapshot: this.#snapshot(),
        audit: entries,
        ended,
        waitedMs,
      };
      const { acknowledged, spreadMs } = await within(PATIENCE_MS, this.#send(report));
      this.#state.save({ version, acknowledged, spreadMs });
      audit.prune(acknowledged);
      this.#ended.forget(over);
      if (audit.after(acknowledged, 1).length === 0 && this.#ended.first(1).length === 0) return true;
    }
    return false;
  }

  #snapshot(): WorkspaceSnapshot {
    const { store, lock, logins, counters, isOnline, dead } = this.#options;
    const counts = noSessions();
    const sessions: LiveSession[] = [];
    for (const stored of store.sessions()) {
      const live = liveSession(stored);
      counts[live.state] += 1;
      if (!isEnded(live.state)) sessions.push(live);
    }
    const { host = null, user = null, version = null } = store.agent ?? {};
    return {
      owner: logins.owner,
      lockedOut: lock.lockedOut,
      seen: logins.list(Date.now())[0]?.seen ?? null,
      agent: { online: isOnline(), host, user, version, since: this.#state.value.onlineSince },
      sessions,
      counts,
      dead: dead(),
      counters: { run: counters.run, values: counters.values, open: counters.open },
    };
  }

  #plan(delayMs: number): void {
    const now = Date.now();
    const { due, changedAt, failures } = this.#state.value;
    // While the registry fails, what is new waits with the rest.
    if (due !== null && (due <= now + delayMs || failures > 0)) return;
    this.#state.save({ due: now + delayMs, changedAt: changedAt ?? now });
    this.#options.onChange();
  }

  /** Several changes go in one report; and the reports of many workspaces do not come all at once. */
  #spread(): number {
    return Math.round(this.#state.value.spreadMs * (0.5 + Math.random()));
  }
}

/** What an agent says of its own goes on to what everybody shares: no more of it than an operator reads. Characters. */
const TEXT_LIMIT = 256;
const brief = (text: string | undefined): string | null => text?.slice(0, TEXT_LIMIT) ?? null;

function liveSession({ spec, want, report }: StoredSession): LiveSession {
  const state = report?.state ?? "submitted";
  return {
    id: spec.id,
    name: spec.name.slice(0, TEXT_LIMIT),
    service: spec.service.slice(0, TEXT_LIMIT),
    placement: spec.placement,
    resource: brief(spec.resource),
    node: brief(report?.node),
    state,
    canceling: want === "cancel" && !isEnded(state),
    createdAt: spec.createdAt,
    startedAt: report?.startedAt ?? null,
  };
}

/** A report is short, whatever an application says of itself. Characters. */
const ERROR_LENGTH = 300;

/** Null for one that the workspace has forgotten meanwhile. */
function endedSession(stored: StoredSession | undefined): EndedSession | null {
  if (stored === undefined) return null;
  const { canceling: _canceling, ...session } = liveSession(stored);
  const error = session.state === "failed" ? (stored.report?.error ?? "") : "";
  const [line = ""] = error.trim().split("\n", 1);
  return { ...session, error: line.slice(0, ERROR_LENGTH), endedAt: stored.report?.endedAt ?? null };
}

/** @throws Error when it takes longer */
async function within<Value>(timeMs: number, promise: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${timeMs} ms`)), timeMs);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
