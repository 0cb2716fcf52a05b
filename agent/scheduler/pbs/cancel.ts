import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { tryAsk } from "../ask.ts";
import type { Cancellation } from "../scheduler.ts";
import type { PbsDialect } from "./dialect.ts";
import { outcomeOf } from "./exit-codes.ts";

/** Deletes a job. Nothing is said of mail: `-W suppress_email=-1` makes OpenPBS's qdel spin forever. */
export async function cancelJob(shell: Shell, dialect: PbsDialect, jobId: string): Promise<Cancellation> {
  const answer = await tryAsk(shell, ["qdel", jobId]);
  if (answer instanceof CannotAsk) return { kind: "unknown", why: answer.message };
  const words =
    answer.said || `qdel ended ${answer.code === null ? "by a signal" : `with code ${answer.code}`}`;
  switch (outcomeOf(dialect, "qdel", answer.code, answer.said)) {
    case "done":
    // It is on its way out already.
    case "exiting":
      return { kind: "canceled" };
    case "unknown_job":
    case "finished":
      return { kind: "gone" };
    case "node_down":
      return {
        kind: "refused",
        message: `${words}: its node does not answer, and the job stays until the node is back or an administrator deletes it by force`,
      };
    case "unreachable":
      return { kind: "unknown", why: `qdel: ${words}` };
    default:
      return { kind: "refused", message: words };
  }
}
