import { BerthError } from "../../contract/problem.ts";
import type { EdgeFrame } from "../../contract/frames.ts";
import type { SessionId } from "../../contract/ids.ts";
import { isEnded, type LaunchRequest, type Session } from "../../contract/session.ts";
import { hmac } from "../auth/token.ts";
import type { Limits } from "../limits.ts";
import type { Caller, Result } from "./api.ts";
import type { Audit } from "./audit.ts";
import { failure } from "./failure.ts";
import { checkLaunch } from "./launch-limit.ts";
import { planSession } from "./plan.ts";
import type { Lock } from "./lock.ts";
import type { Store, StoredSession } from "./store.ts";

export type SessionsOptions = {
  store: Store;
  audit: Audit;
  /** While it is closed, nothing is launched, whoever asks. */
  lock: Lock;
  /** Hashes what a launch asked for. */
  secret: string;
  limits: () => Pick<Limits, "launches" | "sessions">;
  /** Called before a cancel takes effect. */
  onCancel: (stored: StoredSession, by: Caller, reason: string | undefined) => void;
  /** Tells the agent, if it is there; what it misses is in its next welcome. */
  send: (frame: EdgeFrame) => void;
  /** Something of a session has changed that others may see. */
  onChange: (stored: StoredSession) => void;
  /** A session as the API shows it; `host` is where its address leads. */
  view: (stored: StoredSession, host: string) => Session;
};

/** What is wanted of the sessions: who launches and cancels, from the console or otherwise, does it here. */
export class Sessions {
  readonly #options: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /** Newest first. */
  list(host: string): Session[] {
    const { store, view } = this.#options;
    return store.sessions().map((stored) => view(stored, host));
  }

  one(id: string, host: string): Result<Session> {
    const { store, view } = this.#options;
    const stored = store.session(id);
    return stored === undefined ? failure(unknownSession(id)) : { ok: true, value: view(stored, host) };
  }

  /** Launches, or returns what an earlier launch with the same key made. */
  async launch(
    request: LaunchRequest,
    options: { key: string | null; host: string; caller: Caller },
  ): Promise<Result<{ session: Session; created: boolean }>> {
    const { key, host, caller } = options;
    const { audit, secret } = this.#options;
    try {
      // Not the request itself, nor a plain hash of it: it may hold a password, and is kept as long as its session.
      const asked = await hmac(secret, JSON.stringify(request));
      const value = this.#launch(request, key, asked, host);
      const { id, service } = value.session;
      if (value.created)
        audit.note("session.launch", caller, { session: id, detail: service, at: Date.now() });
      return { ok: true, value };
    } catch (error) {
      return failure(error);
    }
  }

  /** Repeatable; an ended session stays what it is. */
  cancel(
    id: string,
    options: { host: string; caller: Caller; reason?: string | undefined },
  ): Result<Session> {
    const { store, audit } = this.#options;
    const stored = store.session(id);
    if (stored === undefined) return failure(unknownSession(id));
    if (!isEnded(stored.report?.state ?? "submitted") && stored.want !== "cancel") {
      this.#options.onCancel(stored, options.caller, options.reason);
      store.setWant(stored.spec.id, "cancel");
      this.#tell(stored.spec.id);
      audit.note("session.cancel", options.caller, { session: id, detail: options.reason, at: Date.now() });
    }
    return this.one(id, options.host);
  }

  #launch(
    request: LaunchRequest,
    key: string | null,
    asked: string,
    host: string,
  ): { session: Session; created: boolean } {
    const { store, view, limits, lock } = this.#options;
    const earlier = key === null ? undefined : store.launchedWith(key);
    const existing = earlier === undefined ? undefined : store.session(earlier.id);
    if (earlier !== undefined && existing !== undefined) {
      if (earlier.request !== asked)
        throw new BerthError("idempotency_conflict", "this Idempotency-Key launched something else");
      return { session: view(existing, host), created: false };
    }
    lock.check();
    checkLaunch(store.sessions(), limits(), Date.now());
    const spec = planSession(request, store, Date.now());
    const stored: StoredSession = { spec, want: "run", report: null };
    store.add(stored, { key, request: key === null ? null : asked });
    this.#tell(spec.id);
    return { session: view(stored, host), created: true };
  }

  /** Tells the agent what is wanted of a session, and everybody else that it has changed. */
  #tell(id: SessionId): void {
    const { store, send, onChange } = this.#options;
    const stored = store.session(id);
    if (stored === undefined) return;
    send({ type: "want", wanted: { spec: stored.spec, want: stored.want } });
    onChange(stored);
  }
}

export const unknownSession = (id: string): BerthError =>
  new BerthError("unknown_session", `there is no session "${id}"`, { field: "id" });
