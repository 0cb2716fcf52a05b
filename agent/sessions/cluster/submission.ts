import { setTimeout as delay } from "node:timers/promises";
import { BerthError } from "../../../contract/problem.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import type { JobEnd, Submission } from "../../scheduler/scheduler.ts";
import type { Progress } from "../record-file.ts";
import type { ClusterSite } from "./cluster-site.ts";
import { endEarlierSubmits, isSubmitRunning } from "./earlier-submit.ts";

/** The pause before what could not be asked is asked again; milliseconds. */
const AGAIN_MS = 3000;
/** How often a preparation on the controller is looked at; milliseconds. */
const LOOK_MS = 500;
/** A submit gives up by itself after a minute or two; milliseconds. */
const SUBMIT_PATIENCE_MS = 150_000;

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
 * The job that an earlier submit may have made. One that still runs is waited for, and ended when it takes too long.
 * @returns undefined when there is none
 * @throws the signal's reason
 */
async function findSubmitted(
  { scheduler, request, resource }: ClusterSite,
  options: AskingOptions,
): Promise<string | undefined> {
  const shell = resource.connection;
  const until = performance.now() + SUBMIT_PATIENCE_MS;
  return await untilAsked(async () => {
    const isRunning = await isSubmitRunning(shell, request.session);
    // After that, since it may have come to its end in between.
    const found = await scheduler.find(shell, request);
    if (found !== undefined || !isRunning) return found;
    if (performance.now() > until) await endEarlierSubmits(shell, request.session);
    throw new CannotAsk("An earlier submit has not come to its end");
  }, options);
}

/** A request that Berth itself refuses to hand on. */
function unlessInvalid(error: unknown): Submission {
  if (error instanceof BerthError) return { kind: "refused", message: error.message };
  throw error;
}

/** A message names its field as the API does; who reads it has a form in mind. */
const asInTheForm = (message: string): string =>
  message
    .replace(/^scheduler\.directives\.(\d+): /, (_, index) => `Directive ${Number(index) + 1}: `)
    .replace(/^scheduler\.(\w)(\w*): /, (_, first: string, rest) => `${first.toUpperCase()}${rest}: `);

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
      await options.onProgress({ isInDoubt: true });
      const found = await findSubmitted(site, options);
      if (found !== undefined) return { jobId: found, notes: [] };
    } else {
      await options.onProgress({ isSubmitting: true });
    }
    options.signal.throwIfAborted();
    const submission = await scheduler.submit(resource.connection, request).catch(unlessInvalid);
    if (submission.kind === "submitted") {
      options.onTrouble(undefined);
      return submission;
    }
    if (submission.kind === "refused") return { refused: asInTheForm(submission.message) };
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
  for (;;) {
    const jobId = await untilAsked(() => scheduler.find(shell, request), options);
    if (jobId === undefined) {
      const submission = await scheduler.submit(shell, request);
      if (submission.kind === "refused")
        return {
          kind: "ended",
          how: "failed",
          reason: `Cannot prepare the controller: ${submission.message}`,
        };
    } else {
      const status = (await scheduler.status(shell, [{ session, jobId, directory }])).get(session);
      if (status?.kind === "ended") return status;
      options.onTrouble(status?.kind === "unknown" ? status.why : undefined);
    }
    await delay(LOOK_MS, undefined, { signal: options.signal });
  }
}
