import { setTimeout as delay } from "node:timers/promises";
import type { SessionLog } from "./session-log.ts";

/** How soon a log is looked at again, by how fast it grows; milliseconds. */
const SHORTEST_MS = 50;
const LONGEST_MS = 1000;
/** At its present rate it is looked at so often before it is too large. */
const LOOKS = 4;

/**
 * How long until the next look. A log that rests is looked at less and less often: what writes in bursts may go on at once.
 * @param grown by so many bytes within `ms`
 * @param before the pause before, milliseconds
 */
function pauseAfter(grown: number, ms: number, room: number, before: number): number {
  const full = grown <= 0 ? Infinity : (Math.max(0, room) / grown) * ms;
  return Math.max(Math.min(full / LOOKS, 2 * before, LONGEST_MS), SHORTEST_MS);
}

/**
 * Keeps the log of a process within its limit. The process writes to the file itself, so that it outlives the agent: while
 * no agent is there nobody cuts, and what is written between two looks stands there until the next.
 */
export class LogWatch implements AsyncDisposable {
  readonly #log: SessionLog;
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;

  constructor(log: SessionLog) {
    this.#log = log;
    this.#watching = this.#watch();
  }

  /** Looks once more, and no longer. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
    await this.#look();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    let [size, at, pause] = [0, performance.now(), SHORTEST_MS];
    while (!signal.aborted) {
      const { before, after } = await this.#look();
      const now = performance.now();
      pause = pauseAfter(before - size, now - at, this.#log.limit - after, pause);
      [size, at] = [after, now];
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A disk that cannot be asked now may be the next time. */
  #look(): ReturnType<SessionLog["bound"]> {
    return this.#log.bound().catch(() => ({ before: 0, after: 0 }));
  }
}
