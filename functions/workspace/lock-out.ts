import { isEnded } from "../../contract/session.ts";
import type { Access } from "./access.ts";
import type { Account } from "./account.ts";
import type { Caller } from "./api.ts";
import type { Audit } from "./audit.ts";
import type { Lock, LockedOut } from "./lock.ts";
import type { Sessions } from "./sessions.ts";
import type { Shares } from "./shares.ts";
import type { Store } from "./store.ts";

export type LockOutOptions = {
  lock: Lock;
  access: Access;
  account: Account;
  store: Store;
  sessions: Sessions;
  shares: () => Shares;
  audit: Audit;
  /** Closes the agent's link, and ends all that it relays. */
  cut: () => void;
};

/** What a lock-out has ended. */
export type LockOutReceipt = { lockedOut: LockedOut; logins: number; tokens: number; canceled: number };

/**
 * An operator keeps somebody out of the edge, and lets them in again. Functions call it by `partOf(env, user, "lockOut")`.
 *
 * Logins, tokens and shares are over for good. The agent stays enrolled: refused while its user is locked out, it comes
 * back by itself afterwards. Visits to others' sessions end with the logins (visits.ts).
 */
export class LockOut {
  readonly #options: LockOutOptions;

  constructor(options: LockOutOptions) {
    this.#options = options;
  }

  /**
   * Locks the user out, and ends what is open for them. Repeatable: another reason replaces the first.
   * @param asked.cancels true to cancel their sessions too; those of an agent that is offline end when it is back
   * @param by.host the sessions' host
   */
  async begin(
    asked: { reason: string; cancels: boolean },
    { caller, host }: { caller: Caller; host: string },
  ): Promise<LockOutReceipt> {
    const { lock, access, account, shares, audit, cut } = this.#options;
    const { reason, cancels } = asked;
    const now = Date.now();
    // Nothing is waited for: all of it is written together, or nothing is.
    const lockedOut = lock.close(caller.name, reason, now);
    audit.note("user.lock-out", caller, { detail: reason, at: now });
    // While the agent still hears it.
    const canceled = cancels ? this.#cancelAll(reason, { caller, host }) : 0;
    const logins = access.endAll(caller);
    const tokens = account.revokeAll(caller);
    shares().endOver(now);
    cut();
    return { lockedOut, logins, tokens, canceled };
  }

  /** Lets the user log in again, and their agent connect. False when they were not locked out. */
  async end(caller: Caller): Promise<boolean> {
    const { lock, audit } = this.#options;
    if (!lock.open()) return false;
    audit.note("user.let-in", caller, { at: Date.now() });
    return true;
  }

  #cancelAll(reason: string, by: { caller: Caller; host: string }): number {
    const { store, sessions } = this.#options;
    const live = store
      .sessions()
      .filter(({ want, report }) => want !== "cancel" && !isEnded(report?.state ?? "submitted"));
    for (const { spec } of live) sessions.cancel(spec.id, { ...by, reason });
    return live.length;
  }
}
