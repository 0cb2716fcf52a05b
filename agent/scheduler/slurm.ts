import type { SessionId } from "../../contract/ids.ts";
import { CannotAsk, type Shell } from "../ssh/shell.ts";
import { cleaned } from "./ask.ts";
import type { Cancellation, JobRef, JobRequest, JobStatus, Scheduler, Submission } from "./scheduler.ts";
import {
  type AccountedJob,
  accountedJobs,
  accountedNamed,
  unlessAsked,
  userNames,
} from "./slurm/accounting.ts";
import {
  clusterOption,
  explain,
  notReached,
  parseJobId,
  parseTime,
  slurm as run,
  type SlurmJob,
} from "./slurm/command.ts";
import { DISPENSABLE, type Dispensable, sbatchOptions, sbatchScript } from "./slurm/options.ts";
import { listPartitions } from "./slurm/partitions.ts";
import { listJobs, listNamed, positions, type QueuedJob } from "./slurm/queue.ts";
import { waitingReason } from "./slurm/reasons.ts";
import { endOf, stateOf } from "./slurm/states.ts";

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

/** Whose turn it is is worth a query only for those who wait for their turn. */
const inLine = (job: QueuedJob): boolean => stateOf(job.state) === "queued";

function liveStatus(job: QueuedJob, position: number | undefined): JobStatus {
  const estimatedStart = parseTime(job.start);
  const endsAt = parseTime(job.end);
  const reason = waitingReason(job.reason);
  switch (stateOf(job.state)) {
    case "queued":
      return {
        kind: "queued",
        ...(reason === undefined ? {} : { reason }),
        ...(position === undefined ? {} : { position }),
        ...(estimatedStart === undefined ? {} : { estimatedStart }),
      };
    case "running":
      return {
        kind: "running",
        ...(/^(?:n\/a|\(null\)|)$/i.test(job.batchHost) ? {} : { node: job.batchHost }),
        ...(endsAt === undefined ? {} : { endsAt }),
      };
    default:
      return { kind: "unknown", why: `Slurm says "${job.state}", which Berth does not know` };
  }
}

type Asked = { ref: JobRef; job: SlurmJob };

const isOf =
  ({ ref, job }: Asked) =>
  (one: { number: string; name: string }): boolean =>
    // Numbers begin anew when a controller loses its state: the name tells whose it is.
    one.number === job.number && one.name === ref.session;

/** What accounting adds: the end of those the controller has forgotten, and who canceled a job. */
function endedStatus(
  queued: QueuedJob | undefined,
  accounted: AccountedJob | undefined,
  names: ReadonlyMap<string, string>,
): JobStatus {
  const uid = accounted?.canceledBy;
  const by = uid === undefined ? undefined : (names.get(uid) ?? `user ${uid}`);
  return (
    (accounted && endOf({ ...accounted, by })) ?? (queued && endOf(queued)) ?? { kind: "not_found" } // Accounting lags behind, or says of a job that it runs and the controller has no such job.
  );
}

/** @throws CannotAsk */
async function statusOf(
  shell: Shell,
  asked: readonly Asked[],
  cluster: string | undefined,
): Promise<[SessionId, JobStatus][]> {
  const listed = await listJobs(
    shell,
    asked.map(({ job }) => job.number),
    cluster,
  );
  const found = asked.map((one) => ({ one, queued: listed.find(isOf(one)) }));
  const [ended, alive] = [
    found.filter(({ queued }) => queued === undefined || endOf(queued) !== undefined),
    found.filter(({ queued }) => queued !== undefined && endOf(queued) === undefined),
  ];

  const waiting = alive.flatMap(({ queued }) => (queued && inLine(queued) ? [queued] : []));
  const standing =
    waiting.length === 0 ? undefined : await positions(shell, waiting, cluster).catch(unlessAsked);
  // The controller's own word on an end is enough, but for who canceled it.
  const unclear = ended.filter(({ queued }) => queued === undefined || queued.state.startsWith("CANCELLED"));
  const accounted =
    unclear.length === 0
      ? []
      : await accountedJobs(
          shell,
          unclear.map(({ one }) => one.job.number),
          cluster,
        );
  const names = await userNames(shell, [...new Set(accounted.flatMap(({ canceledBy }) => canceledBy ?? []))]);

  return [
    ...alive.flatMap(({ one, queued }): [SessionId, JobStatus][] =>
      queued ? [[one.ref.session, liveStatus(queued, standing?.get(queued.number))]] : [],
    ),
    ...ended.map(({ one, queued }): [SessionId, JobStatus] => [
      one.ref.session,
      endedStatus(queued, accounted.find(isOf(one)), names),
    ]),
  ];
}

async function status(shell: Shell, refs: readonly JobRef[]): Promise<ReadonlyMap<SessionId, JobStatus>> {
  const answers = new Map<SessionId, JobStatus>(refs.map(({ session }) => [session, { kind: "not_found" }]));
  const asked = refs.flatMap((ref): Asked[] => {
    const job = parseJobId(ref.jobId);
    return job === undefined ? [] : [{ ref, job }];
  });
  // One query, but for the clusters of a federation: each answers for its own jobs.
  for (const [cluster, ofCluster] of Map.groupBy(asked, ({ job }) => job.cluster)) {
    try {
      for (const [session, one] of await statusOf(shell, ofCluster, cluster)) answers.set(session, one);
    } catch (error) {
      if (!(error instanceof CannotAsk)) throw error;
      for (const { ref } of ofCluster) answers.set(ref.session, { kind: "unknown", why: error.message });
    }
  }
  return answers;
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
  status,
  cancel,
  partitions: listPartitions,
};
