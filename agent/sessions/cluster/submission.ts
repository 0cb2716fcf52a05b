import { setTimeout as delay } from "node:timers/promises";
import { CannotAsk } from "../../ssh/shell.ts";
import type { JobEnd } from "../../scheduler/scheduler.ts";
import type { Progress } from "../record-file.ts";
import type { ClusterSite } from "./cluster-site.ts";

/** The pause before what could not be asked is asked again; milliseconds. */
const AGAIN_MS = 3000;
/** How often a preparation on the controller is looked at; milliseconds. */
const LOOK_MS = 500;

export type AskingOptions = {
  /** Aborted when the answer is not wanted any more. */
  signal: AbortSignal;
  /** Called with why the cluster cannot be asked, and with nothing once it can. */
  onTrouble: (why: string | undefined) => void;
};

/** Asks until there is an answer: a cluster that cannot be reached now is asked again. @throws the signal's reason */
export async function untilAsked<Answer>(
  question: () => Promise<Answer>,
  { signal, onTrouble }: AskingOptions,
): Promise<Answer> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const answer = await question();
      onTrouble(undefined);
      return answer;
    } catch (error) {
      if (!(error instanceof CannotAsk) || signal.aborted) throw error;
      onTrouble(error.message);
      await delay(AGAIN_MS, undefined, { signal });
    }
  }
}

/** Refused, in the scheduler's own words; or submitted, with what the user should know of it. */
export type Submitted = { jobId: string; notes: string[] } | { refused: string };

/**
 * Submits a session's job, once and for all: one that an earlier attempt may have submitted is looked for first.
 * @param options.isSubmitting an attempt has begun before
 * @param options.onProgress notes that one begins; what is not on disk is not begun
 * @throws the signal's reason, never while a submit is under way
 */
export async function submitOnce(
  site: ClusterSite,
  options: AskingOptions & { isSubmitting: boolean; onProgress: (progress: Progress) => Promise<void> },
): Promise<Submitted> {
  const { scheduler, request, resource } = site;
  let mayExist = options.isSubmitting;
  for (;;) {
    if (mayExist) {
      const found = await untilAsked(() => scheduler.find(resource.connection, request), options);
      if (found !== undefined) return { jobId: found, notes: [] };
    } else {
      await options.onProgress({ isSubmitting: true });
      options.signal.throwIfAborted();
    }
    const submission = await scheduler.submit(resource.connection, request);
    if (submission.kind === "submitted") {
      options.onTrouble(undefined);
      return submission;
    }
    if (submission.kind === "refused") return { refused: submission.message };
    mayExist = true;
    options.onTrouble(submission.why);
    await delay(AGAIN_MS, undefined, { signal: options.signal });
  }
}

/**
 * Runs the service's controller.sh on the controller node to its end. It goes on without the connection, and one that an
 * agent before has started is found.
 * @returns how it ended
 * @throws the signal's reason
 */
export async function prepareController(site: ClusterSite, options: AskingOptions): Promise<JobEnd> {
  const { scheduler, request } = site.preparation;
  const shell = site.resource.connection;
  const { session, directory } = request;
  let jobId = await untilAsked(() => scheduler.find(shell, request), options);
  if (jobId === undefined) {
    const submission = await scheduler.submit(shell, request);
    if (submission.kind === "refused")
      return { kind: "ended", how: "failed", reason: `Cannot prepare the controller: ${submission.message}` };
    jobId =
      submission.kind === "submitted"
        ? submission.jobId
        : await untilAsked(() => scheduler.find(shell, request), options);
  }
  for (;;) {
    const status =
      jobId === undefined
        ? undefined
        : (await scheduler.status(shell, [{ session, jobId, directory }])).get(session);
    if (status?.kind === "ended") return status;
    if (status === undefined || status.kind === "not_found") return await prepareController(site, options);
    options.onTrouble(status.kind === "unknown" ? status.why : undefined);
    await delay(LOOK_MS, undefined, { signal: options.signal });
  }
}
