import type { Session } from "../../contract/session.ts";
import { messagePage } from "./message-page.tsx";
import { waitingStatus } from "./session-page.tsx";
import { lookOf, State } from "./state.tsx";

/** Seconds until a page that waits for somebody else tries again. */
const RETRY = 3;

/** The owner's workspace is away, which a guest cannot help. */
export function guestOfflinePage(session: Session) {
  return messagePage({
    title: `${session.name} cannot be reached`,
    retry: RETRY,
    above: <State look="not reachable" />,
    children: (
      <>
        <p>
          The workspace of its owner is not connected: ask them to start its agent. The session may go on
          meanwhile; last it was {session.state}.
        </p>
        <p class="help">This page tries again every {RETRY} s.</p>
      </>
    ),
    actions: (
      <a class="button primary" href="">
        Try now
      </a>
    ),
  });
}

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
