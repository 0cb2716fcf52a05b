import type { JobEnd } from "../../scheduler/scheduler.ts";
import { outcomeOf, withLog } from "../exit.ts";
import type { Outcome } from "../record.ts";
import { failure } from "../record.ts";

/** What session.sh exits with where another process of it was there first. */
const LOCKED = 75;

/** Whether a job has ended because another one runs the session, which has left no word of its end. */
export const lostTheLock = (end: JobEnd | undefined, exitCode: number | undefined): boolean =>
  exitCode === undefined && end?.exitCode === LOCKED;

/**
 * What a job's end makes of its session.
 * @param end the scheduler's word; undefined when it knows nothing of the job any more, or has said nothing in time
 * @param exitCode the code that the session's script has left; undefined when it has left none
 * @param lines the log's last lines
 * @param ready whether the service was ever ready
 */
export function jobOutcome(
  end: JobEnd | undefined,
  exitCode: number | undefined,
  lines: readonly string[],
  ready: boolean,
): Outcome {
  if (end?.how === "canceled") return { state: "canceled", status: end.reason, error: "" };
  const isByScheduler = end?.how === "timeout" || end?.how === "out_of_memory" || end?.how === "node_failure";
  if (isByScheduler) return failure(withLog(end.reason, lines));
  const code = exitCode ?? end?.exitCode;
  if (code !== undefined) return outcomeOf({ how: "code", code }, lines, ready);
  return end === undefined
    ? outcomeOf({ how: "unknown" }, lines, ready)
    : failure(withLog(end.reason, lines));
}
