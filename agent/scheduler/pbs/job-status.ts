import { parseClock } from "../duration.ts";
import type { JobStatus } from "../scheduler.ts";
import type { PbsDialect } from "./dialect.ts";
import { readEnd } from "./job-end.ts";
import type { Attributes } from "./listing.ts";
import type { Remains } from "./remains.ts";
import { parseTime } from "./times.ts";

type Phase = "queued" | "running" | "ended";

/** Exiting (`E`) is running until the scheduler has seen to the end; suspended (`S`, `U`) keeps its node. */
const PHASES: Readonly<Record<string, Phase>> = {
  Q: "queued",
  H: "queued",
  W: "queued",
  T: "queued",
  R: "running",
  S: "running",
  E: "running",
  B: "running",
  U: "running",
  F: "ended",
  C: "ended",
  X: "ended",
};

/** SchedMD's qstat writes `U` for the two ends it has no letter for: out of memory and past the deadline. */
const phaseOf = (state: string, dialect: PbsDialect): Phase | undefined =>
  dialect === "slurm" && state === "U" ? "ended" : PHASES[state];

const HOLDERS: Readonly<Record<string, string>> = {
  u: "its owner",
  o: "an operator",
  s: "the system",
  p: "a bad password",
};

/** A comment on a start is an old one in a job that waits: it was requeued since. */
const STARTED = /^Job (?:run at|started on|was sent)/;

/** What OpenPBS says of a job that asks for more than there is on all nodes together. */
const NEVER = /^Can Never Run\b/;

const NOT_RUNNING = /^Not Running(?::| -) */;

function commentOf(job: Attributes): string | undefined {
  const comment = job.get("comment")?.trim();
  if (comment === undefined || comment === "" || STARTED.test(comment)) return undefined;
  return comment.replace(NOT_RUNNING, "");
}

function heldReason(job: Attributes): string {
  const depend = job.get("depend");
  if (depend !== undefined && job.get("hold_types") === "s") return `It waits for another job: ${depend}`;
  const holders = (job.get("hold_types") ?? "").split("").flatMap((letter) => HOLDERS[letter] ?? []);
  const held = holders.length === 0 ? "It is held" : `It is held by ${holders.join(" and ")}`;
  const comment = commentOf(job);
  // Why it did not run before it was held says nothing of the hold.
  return comment === undefined || NOT_RUNNING.test(job.get("comment") ?? "") ? held : `${held}: ${comment}`;
}

/** Of a job that waits again after a start that failed: it still bears that start's exit status. */
function retriedReason(job: Attributes): string | undefined {
  const starts = job.get("run_count") ?? job.get("start_count");
  if (job.get("exit_status") === undefined || starts === undefined) return undefined;
  return `It was started ${starts} times and came back, with exit status ${job.get("exit_status")}`;
}

/** SchedMD's qstat tells of no reason at all. */
const unsaidReason = (job: Attributes, dialect: PbsDialect): string | undefined =>
  dialect === "slurm"
    ? `It waits in "${job.get("queue") ?? "its queue"}"; qstat does not tell why`
    : undefined;

/** What is said of a job in these states, whatever its comment. */
const WAITING: Readonly<Record<string, (job: Attributes) => string>> = {
  H: heldReason,
  W: () => "It waits for its start time",
  T: () => "It is being moved to another queue or server",
};

/** When it may start. A held job keeps the estimate of before; SchedMD's qstat has Slurm's expected start as `mtime`. */
function startOf(job: Attributes, state: string, dialect: PbsDialect): string | undefined {
  if (state === "W") return job.get("execution_time");
  if (state === "H") return undefined;
  return dialect === "slurm" ? job.get("mtime") : job.get("estimated.start_time");
}

function queued(job: Attributes, state: string, dialect: PbsDialect): JobStatus {
  const reason = WAITING[state]?.(job) ?? commentOf(job) ?? retriedReason(job) ?? unsaidReason(job, dialect);
  const start = parseTime(startOf(job, state, dialect));
  return {
    kind: "queued",
    ...(reason === undefined ? {} : { reason }),
    ...(start === undefined ? {} : { estimatedStart: start }),
    ...(reason !== undefined && NEVER.test(reason) && { isHopeless: true }),
  };
}

/** The first of `pbs01/0*2+pbs02/0`, `(pbs01:ncpus=1)+(pbs02:ncpus=1)`. */
const firstNode = (text: string | undefined): string | undefined => /^\(?([^/+:()*]+)/.exec(text ?? "")?.[1];

/** Beyond any limit: how SchedMD's qstat prints Slurm's INFINITE. */
const LONGEST_WALLTIME_S = 10 * 365 * 24 * 3600;

function running(job: Attributes, dialect: PbsDialect): JobStatus {
  const node = firstNode(job.get("exec_host")) ?? firstNode(job.get("exec_vnode"));
  const start = parseTime(job.get(dialect === "slurm" ? "mtime" : "stime") ?? job.get("start_time"));
  const walltime = parseClock(job.get("resource_list.walltime") ?? "");
  const limited = start !== undefined && walltime !== undefined && walltime < LONGEST_WALLTIME_S;
  return {
    kind: "running",
    ...(node === undefined ? {} : { node }),
    ...(limited ? { endsAt: start + walltime * 1000 } : {}),
  };
}

/** Whether a listed job has ended. */
export const hasEnded = (job: Attributes, dialect: PbsDialect): boolean =>
  phaseOf(job.get("job_state") ?? "", dialect) === "ended";

/**
 * What a listed job does. A state that is not known here tells nothing.
 * @param remains what an ended one has left behind, where that was asked for; or that it is still coming to its end
 */
export function readStatus(
  job: Attributes,
  dialect: PbsDialect,
  remains: Remains | "completing" = {},
): JobStatus {
  if (remains === "completing") return running(job, dialect);
  const state = job.get("job_state") ?? "";
  switch (phaseOf(state, dialect)) {
    case "queued":
      return queued(job, state, dialect);
    case "running":
      return running(job, dialect);
    case "ended":
      return readEnd(job, dialect, remains);
    default:
      return {
        kind: "unknown",
        why:
          state === "M"
            ? "The job was moved to another PBS server"
            : `qstat tells a state "${state}" for the job`,
      };
  }
}
