import type { SessionId } from "../../contract/ids.ts";
import type { Partition, SchedulerName } from "../../contract/resource.ts";
import type { SchedulerRequest } from "../../contract/session.ts";
import type { Shell } from "../ssh/shell.ts";

/** A job that is to be submitted: a session's script, and what the scheduler is asked for. */
export type JobRequest = {
  /** Also the job's name: how it is found again after a submit whose outcome is not known. */
  session: SessionId;
  /** The session's directory on the cluster: absolute, made, 0700. */
  directory: string;
  /** The script that the job runs with bash: absolute. */
  script: string;
  request: SchedulerRequest;
};

/** `unknown`: it may have been submitted or not; look for it before it is submitted again. */
export type Submission =
  | {
      kind: "submitted";
      jobId: string;
      /** What the user should know of it: an option the site refused. */ notes: string[];
    }
  /** In the scheduler's own words. */
  | { kind: "refused"; message: string }
  | { kind: "unknown"; why: string };

/** A job as it is known by. `directory` is where its session's `exit` and `pid` stand. */
export type JobRef = { session: SessionId; jobId: string; directory: string };

/** How a job ended, as the scheduler tells it. */
export type JobEnd = {
  kind: "ended";
  how: "completed" | "failed" | "timeout" | "out_of_memory" | "node_failure" | "canceled" | "unknown";
  /** The script's exit code where it is known. */
  exitCode?: number;
  /** A sentence for the user, the scheduler's own reason in it: who canceled it, which limit it passed. */
  reason: string;
};

/** What a job does now; times in milliseconds since 1970. */
export type JobStatus =
  /** `isHopeless`: by its reason it will never start as it is. */
  | {
      kind: "queued";
      reason?: string;
      position?: number;
      estimatedStart?: number;
      isHopeless?: boolean;
    }
  | { kind: "running"; node?: string; endsAt?: number }
  | JobEnd
  /** The scheduler answers, and knows nothing of it, its accounting included. */
  | { kind: "not_found" }
  /** It could not be asked: nothing follows from that. */
  | { kind: "unknown"; why: string };

/** `gone`: nothing is left to cancel. */
export type Cancellation =
  | { kind: "canceled" }
  | { kind: "gone" }
  | { kind: "refused"; message: string }
  | { kind: "unknown"; why: string };

/** What a scheduler is asked, and how it is to be read. Every method asks through the shell and keeps nothing. */
export interface Scheduler {
  readonly name: SchedulerName;
  /**
   * The job script: the directives, then the session's script.
   * @throws BerthError `invalid_input` that names the field (`scheduler.partition`)
   */
  jobScript(job: JobRequest): string;
  submit(shell: Shell, job: JobRequest): Promise<Submission>;
  /** The job of a session, whether it lives or has ended; undefined when there is none. @throws CannotAsk */
  find(shell: Shell, job: Pick<JobRef, "session" | "directory">): Promise<string | undefined>;
  /** One query for all of them (a second for those that it no longer lists). Each job has its answer. */
  status(shell: Shell, jobs: readonly JobRef[]): Promise<ReadonlyMap<SessionId, JobStatus>>;
  /** Repeatable. */
  cancel(shell: Shell, job: JobRef): Promise<Cancellation>;
  /** Its partitions or queues. @throws CannotAsk */
  partitions(shell: Shell): Promise<Partition[]>;
}
