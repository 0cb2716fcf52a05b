import type { SessionId } from "../../contract/ids.ts";
import type { Shell } from "../ssh/shell.ts";
import type { JobRef, JobStatus, Scheduler } from "./scheduler.ts";

/** How often a scheduler is asked: while something is about to change, and else. Milliseconds. */
const PACES = { urgent: 1000, calm: 5000 } as const;
export type Pace = keyof typeof PACES;
/** A job that is new is asked for no sooner than this after the last query: many come at once. Milliseconds. */
const NEW_MS = 200;

type Followed = { job: JobRef; pace: Pace; onStatus: (status: JobStatus) => void };

/** A job that is being followed. Disposed, nothing more is told of it. */
export type FollowedJob = Disposable & {
  /** How soon news of it is wanted. */
  pace: Pace;
};

/**
 * Follows the jobs of one scheduler: one query for all of them at every tick, none while there are none. A query that
 * fails tells each job `unknown`, and the next tick asks again.
 */
export class JobMonitor implements Disposable {
  readonly #scheduler: Scheduler;
  readonly #shell: Shell;
  readonly #followed = new Map<SessionId, Followed>();
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #isClosed = false;
  #lastAt = -Infinity;
  /** A job has come that no query has asked for yet. */
  #isNew = false;

  constructor(scheduler: Scheduler, shell: Shell) {
    this.#scheduler = scheduler;
    this.#shell = shell;
  }

  /** Tells what the scheduler says of a job at every tick, first at once. A later call for the same session replaces it. */
  follow(job: JobRef, pace: Pace, onStatus: (status: JobStatus) => void): FollowedJob {
    const entry: Followed = { job, pace, onStatus };
    this.#followed.set(job.session, entry);
    this.#isNew = true;
    this.#plan();
    const remove = (): void => {
      if (this.#followed.get(job.session) === entry) this.#followed.delete(job.session);
      if (this.#followed.size === 0) clearTimeout(this.#timer);
    };
    const change = (next: Pace): void => {
      entry.pace = next;
      this.#plan();
    };
    return {
      get pace() {
        return entry.pace;
      },
      set pace(next) {
        change(next);
      },
      [Symbol.dispose]: remove,
    };
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#followed.clear();
  }

  /** Sets the next tick: as soon as the most urgent job wants it. */
  #plan(): void {
    if (this.#isClosed || this.#isAsking || this.#followed.size === 0) return;
    const paces = [...this.#followed.values()].map((entry) => PACES[entry.pace]);
    const pause = this.#isNew ? NEW_MS : Math.min(...paces);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#tick(), Math.max(0, this.#lastAt + pause - performance.now()));
  }

  async #tick(): Promise<void> {
    const asked = [...this.#followed.values()];
    this.#isAsking = true;
    this.#isNew = false;
    const statuses = await this.#ask(asked.map(({ job }) => job));
    this.#isAsking = false;
    this.#lastAt = performance.now();
    for (const entry of asked) {
      const status = statuses.get(entry.job.session);
      // It may have been let go of meanwhile.
      if (status !== undefined && this.#followed.get(entry.job.session) === entry) entry.onStatus(status);
    }
    this.#plan();
  }

  async #ask(jobs: readonly JobRef[]): Promise<ReadonlyMap<SessionId, JobStatus>> {
    try {
      return await this.#scheduler.status(this.#shell, jobs);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return new Map(jobs.map(({ session }) => [session, { kind: "unknown", why }]));
    }
  }
}
