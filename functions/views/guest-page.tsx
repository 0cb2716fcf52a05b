import type { Session } from "../../contract/session.ts";
import { messagePage } from "./message-page.tsx";
import { waitingStatus } from "./session-page.tsx";
import { lookOf, State } from "./state.tsx";

/** Seconds until a page that waits for somebody else tries again. */
const RETRY = 3;

/** A shared session that does not run yet, for its guests. */
export function guestWaitingPage(session: Session) {
  return messagePage({
    title: session.name,
    retry: RETRY,
    above: <State look={lookOf(session)} />,
    children: (
      <>
        <p class="status" role="status">
          {waitingStatus(session)}
        </p>
        <p class="help">It is shared with you, and opens here as soon as it runs.</p>
      </>
    ),
  });
}
