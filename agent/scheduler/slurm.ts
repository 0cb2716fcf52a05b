import type { SessionId } from "../../contract/ids.ts";
import { CannotAsk, type Shell } from "../ssh/shell.ts";
import { cleaned } from "./ask.ts";
import type { Cancellation, JobRef, JobRequest, Scheduler, Submission } from "./scheduler.ts";
import { accountedNamed } from "./slurm/accounting.ts";
import { clusterOption, explain, notReached, parseJobId, slurm as run } from "./slurm/command.ts";
import { DISPENSABLE, type Dispensable, sbatchOptions, sbatchScript } from "./slurm/options.ts";
import { listPartitions } from "./slurm/partitions.ts";
import { listNamed } from "./slurm/queue.ts";
import { stateOf } from "./slurm/states.ts";
import { askStatus } from "./slurm/status.ts";

/** One try. An option stands on the command line as well: there it outranks variables such as SBATCH_PARTITION. */
async function sbatch(shell: Shell, job: JobRequest, without: readonly Dispensable[]): Promise<Submission> {
  const argv = ["--parsable", "--ignore-pbs", ...sbatchOptions(job, without)];
  const answer = await run(shell, ["sbatch", ...argv], { input: sbatchScript(job, without) });
  // A submit plugin may print lines of its own before the number.
  const jobId = answer.stdout.trim().split("\n").at(-1) ?? "";
  if (answer.code === 0 && parseJobId(jobId) !== undefined) {
    const said = answer.stderr.trim() === "" ? [] : [answer.said];
    return { kind: "submitted", jobId, notes: [...without.map(({ note }) => note), ...said] };
  }
  if (answer.code === 0 || notReached(answer)) return { kind: "unknown", why: explain("sbatch", answer) };
  return { kind: "refused", message: explain("sbatch", answer) };
}

async function submit(shell: Shell, job: JobRequest): Promise<Submission> {
  const without: Dispensable[] = [];
  for (;;) {
    const submission = await sbatch(shell, job, without);
    if (submission.kind !== "refused") return submission;
    const refused = DISPENSABLE.find((one) => !without.includes(one) && one.refusal.test(submission.message));
    if (refused === undefined) return submission;
    without.push(refused);
  }
}

/** The job of a session: the one that lives, else the youngest. */
function choose(jobs: readonly { number: string; state: string }[]): string | undefined {
  const alive = jobs.filter(({ state }) => typeof stateOf(state) === "string");
  return (alive.length > 0 ? alive : jobs)
    .map(({ number }) => number)
    .toSorted((one, other) => Number(other) - Number(one))[0];
}

async function find(shell: Shell, session: SessionId): Promise<string | undefined> {
  return choose(await listNamed(shell, session)) ?? choose(await accountedNamed(shell, session));
}

/** What scancel says of a job that has ended, or that never was. */
const ENDED = /invalid job id|already completing or completed|no active jobs match/i;

async function cancel(shell: Shell, { jobId, session }: JobRef): Promise<Cancellation> {
  const job = parseJobId(jobId);
  if (job === undefined) return { kind: "gone" };
  try {
    // With --verbose it says what a version that ends with 0 for a job it does not know would keep to itself.
    const argv = ["--verbose", ...clusterOption(job.cluster), `--name=${session}`, job.number];
    const told = await run(shell, ["scancel", ...argv]);
    const errors = told.stderr.split("\n").filter((line) => /error/i.test(line));
    const answer = { ...told, said: cleaned(errors.join("\n")) };
    if (notReached(answer)) return { kind: "unknown", why: explain("scancel", answer) };
    if (ENDED.test(answer.stderr)) return { kind: "gone" };
    return answer.code === 0
      ? { kind: "canceled" }
      : { kind: "refused", message: explain("scancel", answer) };
  } catch (error) {
    if (error instanceof CannotAsk) return { kind: "unknown", why: error.message };
    throw error;
  }
}

/** Slurm, from 17.11 on, by its commands on the controller node; tried against 22.05. */
export const slurm: Scheduler = {
  name: "slurm",
  jobScript: (job) => sbatchScript(job),
  submit: async (shell, job) =>
    submit(shell, job).catch((error: unknown) => {
      if (error instanceof CannotAsk) return { kind: "unknown", why: error.message };
      throw error;
    }),
  find: async (shell, { session }) => find(shell, session),
  status: askStatus,
  cancel,
  partitions: listPartitions,
};
