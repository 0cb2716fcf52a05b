import type { SessionId } from "../../../contract/ids.ts";
import { CannotAsk, type Shell } from "../../ssh/shell.ts";
import type { JobRef, JobStatus } from "../scheduler.ts";
import { type AccountedJob, accountedJobs, unlessAsked, userNames } from "./accounting.ts";
import { parseJobId, parseTime, type SlurmJob } from "./command.ts";
import { isInLine, listJobs, positions, type QueuedJob } from "./queue.ts";
import { neverStarts, waitingReason } from "./reasons.ts";
import { endOf, stateOf } from "./states.ts";

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
        ...(neverStarts(job.reason) && { isHopeless: true }),
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
  const end = (accounted && endOf({ ...accounted, by })) ?? (queued && endOf(queued));
  // Accounting may still say that a job runs which the controller does not have.
  return end ?? { kind: "not_found" };
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

  const waiting = alive.flatMap(({ queued }) => (queued && isInLine(queued) ? [queued] : []));
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

/** Where jobs stand: one query for each cluster, and one more for what it does not tell of. */
export async function askStatus(
  shell: Shell,
  refs: readonly JobRef[],
): Promise<ReadonlyMap<SessionId, JobStatus>> {
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
