import type { Session } from "../../contract/session.ts";
import { Hour } from "./time.tsx";

type WaitingQueue = Session["queue"];

/** A session's place in the queue and why it waits, in one line; empty where neither is known. */
export const queueText = (queue: WaitingQueue): string =>
  [queue.position === null ? null : `place ${queue.position}`, queue.reason]
    .filter((part) => part !== null)
    .join(" · ");

/** The place in the queue, the reason and the expected start, one fact after the other. */
export function Queue({ queue }: { queue: WaitingQueue }) {
  const { position, reason, estimatedStart } = queue;
  return (
    <>
      {position === null ? null : <span>place {position}</span>}
      {reason === null ? null : <span>{reason}</span>}
      {estimatedStart === null ? null : (
        <span>
          starts ~<Hour at={estimatedStart} />
        </span>
      )}
    </>
  );
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

function waiting({ state, port, placement, queue }: Session): string {
  if (state === "queued") {
    const place = queueText(queue);
    return place === "" ? "It waits in the cluster's queue." : `It waits in the cluster's queue: ${place}.`;
  }
  if (state === "submitted" && placement === "compute")
    return "It waits for the cluster's scheduler to take it.";
  if (state === "submitted") return "It waits for the workspace to take it up.";
  return port === null
    ? "It waits for the application to start."
    : `It waits for the application to answer on port ${port}.`;
}

/** What a session on its way waits for, in a sentence; and in another, what keeps Berth from knowing. */
export const waitsFor = (session: Session): string =>
  session.trouble === null ? waiting(session) : `${waiting(session)} ${sentence(session.trouble)}`;
