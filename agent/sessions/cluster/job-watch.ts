import type { FollowedJob, JobMonitor } from "../../scheduler/monitor.ts";
import type { JobEnd, JobRef, JobStatus } from "../../scheduler/scheduler.ts";
import type { JobFacts } from "../runner.ts";
import { Trouble } from "./trouble.ts";

/**
 * A job that the scheduler does not know is gone when it is so for this long, and not by its tunnel: a node that has lost
 * its tunnel needs up to 35 s to come back. Milliseconds.
 */
const ABSENT_MS = 45_000;

/** A job that can never start is given up when the scheduler says so for this long; milliseconds. */
const HOPELESS_MS = 5_000;

export type JobWatchOptions = {
  /** What is known of the job before anybody is asked. */
  facts: JobFacts;
  /** Milliseconds since 1970. */
  clock: () => number;
  /** Whether the job itself can be heard. */
  isHeard: () => boolean;
  /** Whether the job's script has come to its end, which it notes in its directory. */
  hasEnded: () => Promise<boolean>;
  /** Called when `facts` are others. */
  onChange: () => void;
  onQueued: () => void;
  /** Called when it will never start, with the scheduler's reason. */
  onHopeless: (reason: string) => void;
  /** Called at every look while it runs. */
  onRuns: () => void;
  /** Called with the scheduler's word, or with nothing when it knows nothing of the job any more. */
  onEnded: (end: JobEnd | undefined) => void;
};

/** What is known of a session's job by the scheduler, and what keeps it from being asked. */
export class JobWatch implements Disposable {
  readonly #options: JobWatchOptions;
  readonly #trouble: Trouble;
  #facts: JobFacts;
  #followed: FollowedJob | undefined;
  #absentSince: number | undefined;
  #hopelessSince: number | undefined;

  constructor(options: JobWatchOptions) {
    this.#options = options;
    this.#trouble = new Trouble(options.clock);
    this.#facts = options.facts;
  }

  get facts(): JobFacts {
    const { text } = this.#trouble;
    return { ...this.#facts, ...(text !== undefined && { trouble: text }) };
  }

  /** Notes the job that has been submitted. */
  submitted(jobId: string): void {
    this.#change(() => {
      this.#trouble.clear();
      this.#facts = { ...this.#facts, jobId };
    });
  }

  /** Follows the job, instead of one before. */
  follow(jobs: JobMonitor, job: JobRef): void {
    this.#followed?.[Symbol.dispose]();
    this.#absentSince = undefined;
    this.#followed = jobs.follow(job, "urgent", (status) => this.#isNow(status));
  }

  /** News of the job is wanted soon, or may take its time. */
  set isUrgent(isUrgent: boolean) {
    if (this.#followed !== undefined) this.#followed.pace = isUrgent ? "urgent" : "calm";
  }

  /** The job itself says that it runs. Only the scheduler knows on which node, and until when. */
  isHeard(): void {
    if (this.#facts.progress === "started") return;
    this.#change(() => this.#start());
    this.isUrgent = true;
  }

  /** Why the cluster cannot be asked; undefined once it can. */
  cannotAsk(why: string | undefined): void {
    this.#change(() => {
      if (why === undefined) this.#trouble.clear();
      else this.#trouble.set("The cluster cannot be asked", why);
    });
  }

  [Symbol.dispose](): void {
    this.#followed?.[Symbol.dispose]();
    this.#followed = undefined;
  }

  #isNow(status: JobStatus): void {
    const { onQueued, onRuns, onEnded } = this.#options;
    if (status.kind === "unknown") {
      this.#change(() => this.#trouble.set("Cannot ask the scheduler", status.why));
      return;
    }
    this.#change(() => {
      this.#trouble.clear();
      if (status.kind === "queued") {
        const { kind: _kind, isHopeless: _isHopeless, ...queue } = status;
        this.#facts = { ...this.#facts, progress: "queued", queue };
      }
      if (status.kind === "running") this.#start(status);
    });
    if (status.kind === "not_found") {
      this.#isAbsent();
      return;
    }
    this.#absentSince = undefined;
    if (status.kind === "ended") onEnded(status);
    else if (status.kind === "running") onRuns();
    else {
      // Starts are told by the tunnel at once; the place in the queue may take its time.
      this.isUrgent = false;
      onQueued();
      this.#isWaiting(status);
    }
  }

  /** What is said once may be of a moment: an administrator changes a limit. */
  #isWaiting({ isHopeless = false, reason = "" }: { isHopeless?: boolean; reason?: string }): void {
    const { clock, onHopeless } = this.#options;
    if (!isHopeless) this.#hopelessSince = undefined;
    else if (this.#hopelessSince === undefined) this.#hopelessSince = clock();
    else if (clock() - this.#hopelessSince >= HOPELESS_MS) onHopeless(reason);
  }

  #start({ node, endsAt }: { node?: string; endsAt?: number } = {}): void {
    const { queue: _queue, ...facts } = this.#facts;
    this.#facts = {
      ...facts,
      progress: "started",
      ...(node !== undefined && { node }),
      ...(endsAt !== undefined && { endsAt }),
    };
  }

  /** Nobody has ever heard of the job: true only when it stays so, and nothing is heard from the job itself. */
  #isAbsent(): void {
    const { clock, isHeard, hasEnded, onEnded } = this.#options;
    if (isHeard()) {
      this.#absentSince = undefined;
      return;
    }
    if (this.#absentSince === undefined) {
      this.#absentSince = clock();
      const followed = this.#followed;
      hasEnded().then(
        (isOver) => {
          if (isOver && this.#followed === followed) onEnded(undefined);
        },
        () => undefined,
      );
    } else if (clock() - this.#absentSince >= ABSENT_MS) onEnded(undefined);
  }

  /** Tells of what becomes another by it. */
  #change(act: () => void): void {
    const before = JSON.stringify(this.facts);
    act();
    if (JSON.stringify(this.facts) !== before) this.#options.onChange();
  }
}
