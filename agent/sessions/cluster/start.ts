import type { Report } from "../../reports.ts";
import { withLog } from "../exit.ts";
import type { ClusterLaunch } from "../record.ts";
import type { Progress } from "../record-file.ts";
import type { ClusterSite } from "./cluster-site.ts";
import type { Output } from "./output.ts";
import { followPreparation } from "./preparation-reports.ts";
import type { AskingOptions, Submitted } from "./submission.ts";
import { prepareController, submitOnce, untilAsked } from "./submission.ts";

export type StartOptions = AskingOptions & {
  site: ClusterSite;
  launch: ClusterLaunch;
  output: Output;
  /** Puts the session's files onto the cluster. @returns whether a controller.sh is among them */
  fill: () => Promise<boolean>;
  /** Notes what is begun; when it returns, that is on disk. */
  onProgress: (progress: Progress) => Promise<void>;
  /** Takes what controller.sh reports. */
  onReport: (report: Report) => Promise<void>;
};

/**
 * Brings a session from nothing to a job: its files, its controller.sh, its submit. An agent that died at any line goes on
 * from there.
 * @throws the signal's reason, never while a submit is under way
 */
export async function startJob(options: StartOptions): Promise<Submitted> {
  if (!options.launch.isSubmitting) {
    const hasController = await untilAsked(options.fill, options);
    const failure = hasController ? await preparationFailure(options) : undefined;
    if (failure !== undefined) return { refused: failure };
  }
  return await submitOnce(options.site, { ...options, isSubmitting: options.launch.isSubmitting });
}

/** Runs controller.sh. @returns why the session cannot go on; undefined when it can */
async function preparationFailure(options: StartOptions): Promise<string | undefined> {
  const { site, output, onProgress, onReport } = options;
  await onProgress({ isPreparing: true });
  output.follow();
  using _reports = followPreparation(site.resource.files, site.remote, onReport);
  const end = await prepareController(site, options);
  options.signal.throwIfAborted();
  if (end.how === "completed") return undefined;
  await output.drain();
  return withLog(`controller.sh failed: ${end.reason}`, await output.lastLines());
}
