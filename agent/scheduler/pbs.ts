import type { SessionId } from "../../contract/ids.ts";
import type { Shell } from "../ssh/shell.ts";
import { CannotAsk } from "../ssh/shell.ts";
import { cancelJob } from "./pbs/cancel.ts";
import { askCompleting } from "./pbs/completing.ts";
import { detectDialect, type PbsDialect } from "./pbs/dialect.ts";
import { findJob } from "./pbs/find.ts";
import { askJobs, type Found } from "./pbs/job-query.ts";
import { pbsScript } from "./pbs/job-script.ts";
import { hasEnded, readStatus } from "./pbs/job-status.ts";
import { askPartitions } from "./pbs/queues.ts";
import { readRemains, type Remains } from "./pbs/remains.ts";
import { submitJob } from "./pbs/submit.ts";
import type { JobRef, JobStatus, Scheduler } from "./scheduler.ts";

/** `dialect`: what is spoken there, where it is known; else `qstat --version` is asked before each question. */
export type PbsOptions = { dialect?: PbsDialect };

const NOT_LISTED: JobStatus = { kind: "unknown", why: "qstat gave no answer for the job" };

function statusOf(
  found: Found | undefined,
  dialect: PbsDialect,
  remains?: Remains | "completing",
): JobStatus {
  switch (found?.kind) {
    case "listed":
      return readStatus(found.job, dialect, remains);
    case "finished":
      return { kind: "ended", how: "unknown", reason: "The job has finished; PBS keeps no record of how." };
    case "absent":
      return { kind: "not_found" };
    case "unasked":
      return { kind: "unknown", why: found.why };
    default:
      return NOT_LISTED;
  }
}

async function statuses(
  shell: Shell,
  dialect: PbsDialect,
  jobs: readonly JobRef[],
): Promise<ReadonlyMap<SessionId, JobStatus>> {
  const ids = jobs.map(({ jobId }) => jobId);
  const found = await askJobs(shell, dialect, ids);
  const complete = jobs.filter(({ jobId }) => {
    const one = found.get(jobId);
    return dialect === "slurm" && one?.kind === "listed" && hasEnded(one.job, dialect);
  });
  const completing = await askCompleting(
    shell,
    complete.map(({ jobId }) => jobId),
  );
  const ended = complete.filter(({ jobId }) => !completing.has(jobId));
  const remains = await readRemains(
    shell,
    ended.map(({ directory }) => directory),
  );
  return new Map(
    jobs.map(({ session, jobId, directory }) => [
      session,
      statusOf(found.get(jobId), dialect, completing.has(jobId) ? "completing" : remains.get(directory)),
    ]),
  );
}

/** The answer in place of a question that cannot be put because it is not known who is asked. */
async function unlessUnasked<Result>(
  work: () => Promise<Result>,
  otherwise: (why: string) => Result,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CannotAsk) return otherwise(error.message);
    throw error;
  }
}

/**
 * PBS: OpenPBS and PBS Professional, Torque, and SchedMD's scripts over Slurm. Exit codes are trusted before text
 * (pbs/exit-codes.ts); the place in a queue is never told, since PBS lists jobs by number and starts them by priority.
 */
export function pbs(options: PbsOptions = {}): Scheduler {
  const dialectOf = async (shell: Shell): Promise<PbsDialect> =>
    options.dialect ?? (await detectDialect(shell));
  return {
    name: "pbs",

    // Without a dialect the script is OpenPBS's; what is submitted is always in the server's own.
    jobScript: (job) => pbsScript(job, options.dialect ?? "openpbs"),

    submit: (shell, job) =>
      unlessUnasked(
        async () => submitJob(shell, await dialectOf(shell), job),
        (why) => ({ kind: "unknown", why }),
      ),

    find: async (shell, { session }) => findJob(shell, await dialectOf(shell), session),

    status: (shell, jobs) =>
      unlessUnasked(
        async () => statuses(shell, await dialectOf(shell), jobs),
        (why) =>
          new Map<SessionId, JobStatus>(jobs.map(({ session }) => [session, { kind: "unknown", why }])),
      ),

    cancel: (shell, { jobId }) =>
      unlessUnasked(
        async () => cancelJob(shell, await dialectOf(shell), jobId),
        (why) => ({ kind: "unknown", why }),
      ),

    partitions: async (shell) => askPartitions(shell, await dialectOf(shell)),
  };
}
