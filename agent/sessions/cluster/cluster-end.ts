import { setTimeout as delay } from "node:timers/promises";
import type { SessionId } from "../../../contract/ids.ts";
import type { JobStatus, Scheduler } from "../../scheduler/scheduler.ts";
import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { untilAborted } from "../../ssh/until-aborted.ts";
import type { ClusterLaunch } from "../record.ts";
import type { EndOptions } from "../runner.ts";
import type { ClusterSite } from "./cluster-site.ts";
import { endEarlierSubmits } from "./earlier-submit.ts";
import type { Output } from "./output.ts";

/** How soon it is looked whether a canceled job has gone; milliseconds. */
const LOOK_MS = 400;
/** A job that has ended by itself and does not go within this time is canceled after all; milliseconds. */
const PATIENCE_MS = 60_000;

/** Gives up what is asked when the agent stops. */
const stoppable = (shell: Shell, signal: AbortSignal): Shell => ({
  run: (argv, options) => shell.run(argv, { ...options, signal }),
});

type Job = { scheduler: Scheduler; jobId: string; directory: string };

/** Whether nothing of the job is left by the scheduler's word. @throws CannotAsk when there is none */
function isGone(status: JobStatus | undefined): boolean {
  if (status === undefined) throw new CannotAsk("The scheduler does not say how it stands");
  if (status.kind === "unknown") throw new CannotAsk(status.why);
  return status.kind === "ended" || status.kind === "not_found";
}

/**
 * Ends a job: the scheduler is told first, and asked until it is gone. On the node the session's own script answers its
 * TERM with the kill scripts.
 */
async function endJob(
  shell: Shell,
  session: SessionId,
  job: Job,
  options: Pick<EndOptions, "alive" | "signal">,
): Promise<void> {
  const ref = { session, jobId: job.jobId, directory: job.directory };
  const begin = performance.now();
  for (;;) {
    options.signal.throwIfAborted();
    if (options.alive || performance.now() - begin > PATIENCE_MS) {
      // A scheduler calls gone what is only on its way out: whether it is, its status says.
      const cancellation = await job.scheduler.cancel(shell, ref);
      if (cancellation.kind === "unknown") throw new CannotAsk(cancellation.why);
      if (cancellation.kind === "refused") throw new CannotAsk(cancellation.message);
    }
    // Asked more often than it is canceled: a scheduler need not be told twice a second.
    for (let look = 0; look < 10; look++) {
      const statuses = await job.scheduler.status(shell, [ref]);
      if (isGone(statuses.get(session))) return;
      await delay(LOOK_MS, undefined, { signal: options.signal });
    }
  }
}

/**
 * What a session may have running on the cluster: its job, and what its preparation has left on the controller. In the
 * order in which they are to be ended: on a cluster of one host the second would end what the first is still saving.
 * @throws CannotAsk
 */
async function jobsOf(site: ClusterSite, launch: ClusterLaunch, shell: Shell): Promise<Job[]> {
  const { scheduler, request, preparation } = site;
  const jobs: Job[] = [];
  const jobId = launch.jobId ?? (launch.isSubmitting ? await scheduler.find(shell, request) : undefined);
  if (jobId !== undefined) jobs.push({ scheduler, jobId, directory: request.directory });
  const prepared = launch.isPreparing
    ? await preparation.scheduler.find(shell, preparation.request)
    : undefined;
  if (prepared !== undefined)
    jobs.push({
      scheduler: preparation.scheduler,
      jobId: prepared,
      directory: preparation.request.directory,
    });
  return jobs;
}

/** Ends the jobs of a session beside the one that is known, where an end of a submit was not seen. @throws CannotAsk */
async function endOthers(
  site: ClusterSite,
  shell: Shell,
  options: Pick<EndOptions, "signal">,
): Promise<void> {
  const { scheduler, request } = site;
  await endEarlierSubmits(shell, request.session);
  for (;;) {
    const jobId = await scheduler.find(shell, request);
    if (jobId === undefined) return;
    const statuses = await scheduler.status(shell, [site.job(jobId)]);
    // Those that live are found first.
    if (isGone(statuses.get(request.session))) return;
    const job = { scheduler, jobId, directory: request.directory };
    await endJob(shell, request.session, job, { ...options, alive: true });
  }
}

/**
 * Ends what is left of a session on its cluster, brings the rest of its output, and deletes its files there. Repeatable.
 * @throws CannotAsk when the cluster could not be asked: nothing is known to be gone then; the signal's reason
 */
export async function endOnCluster(
  site: ClusterSite,
  output: Output,
  options: Pick<EndOptions, "alive" | "signal"> & { launch: ClusterLaunch },
): Promise<void> {
  const { signal, launch } = options;
  const shell = stoppable(site.resource.connection, signal);
  for (const job of await jobsOf(site, launch, shell)) await endJob(shell, site.spec.id, job, options);
  if (launch.isInDoubt) await endOthers(site, shell, options);
  await untilAborted(output.drain(), signal).catch((error: unknown) => {
    signal.throwIfAborted();
    // A log that cannot be written here keeps nothing on the cluster.
    if (error instanceof CannotAsk) throw error;
  });
  await site.remote.clean(signal);
}
