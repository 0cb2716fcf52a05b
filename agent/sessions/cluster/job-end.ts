import type { JobEnd } from "../../scheduler/scheduler.ts";
import { outcomeOf, withLog } from "../exit.ts";
import type { Outcome } from "../record.ts";
import { failure } from "../record.ts";

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
  const code = exitCode ?? end?.exitCode;
  const how = end?.how;
  switch (how) {
    case "canceled":
      return { state: "canceled", status: end.reason, error: "" };
    case "timeout":
    case "out_of_memory":
    case "node_failure":
      return failure(withLog(end.reason, lines));
    case "completed":
    case "failed":
    case "unknown":
    case undefined:
      if (code !== undefined) return outcomeOf({ how: "code", code }, lines, ready);
      return end === undefined
        ? outcomeOf({ how: "unknown" }, lines, ready)
        : failure(withLog(end.reason, lines));
    default:
      return how satisfies never;
  }
}
