import type { Session } from "../../contract/session.ts";

/** Where the reader is to be after the cancel. */
export type CancelBack = "list" | "session";

/**
 * Cancel, asked once, in place. A popover needs no script to open and to close, and a form none to be sent.
 * An ended session, or one that is being canceled, has none.
 */
export function Cancel({ session, back }: { session: Session; back: CancelBack }) {
  const ask = `cancel-${session.id}`;
  return (
    <>
      <button type="button" class="button quiet" popovertarget={ask} aria-label={`Cancel ${session.name}`}>
        Cancel
      </button>
      <div id={ask} class="ask" popover="auto" role="dialog" aria-label={`Cancel ${session.name}`}>
        <p>
          <strong>Cancel {session.name}?</strong>
        </p>
        <p>
          The application ends, and what is not saved in it is lost. Saved files stay.
          {session.reachable ? null : " The workspace is not connected: it happens as soon as it is."}
        </p>
        <form method="post" action={`/sessions/${session.id}/cancel`}>
          <input type="hidden" name="back" value={back} />
          <button class="button danger">Cancel the session</button>
          <button type="button" class="button" popovertarget={ask} popovertargetaction="hide">
            Keep it
          </button>
        </form>
      </div>
    </>
  );
}
