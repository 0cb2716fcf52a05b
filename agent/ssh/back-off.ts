import type { SshTrouble } from "./trouble.ts";

/** Pauses between attempts: up to the first, doubled up to the longest, each drawn from its whole. Milliseconds. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

/** A host that refuses the login counts the attempts: some lock the user out after a few. */
const REFUSED_PAUSE_MS = 300_000;
const REFUSALS: ReadonlySet<SshTrouble> = new Set(["permission_denied"]);

/** A connection that lived so long is no part of a row of failures. */
const PROVEN_MS = 60_000;

/** When a host may be dialled again by itself. Times in milliseconds since 1970. */
export class BackOff {
  readonly #random: () => number;
  #failures = 0;
  #notBefore = 0;

  /** @param random from 0 to 1: agents that lost a host together come back one by one */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** How long still, milliseconds; 0 when it may be now. */
  pause(now: number): number {
    return Math.max(0, this.#notBefore - now);
  }

  /** An attempt has failed, or a connection that came up at `since` is lost. */
  failed(trouble: SshTrouble, now: number, since = now): void {
    this.#failures = now - since > PROVEN_MS ? 1 : this.#failures + 1;
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    this.#notBefore = now + (REFUSALS.has(trouble) ? REFUSED_PAUSE_MS : ceiling * this.#random());
  }

  /** The next attempt may be now; a failure of it counts as one more. */
  skip(): void {
    this.#notBefore = 0;
  }
}
