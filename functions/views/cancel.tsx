import type { Session } from "../../contract/session.ts";
import { AskOnce } from "./ask-once.tsx";

/** Where the reader is to be after the cancel. */
export type CancelBack = "list" | "session";

/** Cancel, asked once. An ended session, or one that is being canceled, has none. */
export const Cancel = ({ session, back }: { session: Session; back: CancelBack }) => (
  <AskOnce
    id={`cancel-${session.id}`}
    button="Cancel"
    label={`Cancel ${session.name}`}
    question={`Cancel ${session.name}?`}
    action={`/sessions/${session.id}/cancel`}
    does="Cancel the session"
    fields={<input type="hidden" name="back" value={back} />}
  >
    The application ends, and what is not saved in it is lost. Saved files stay.
    {session.reachable ? null : " The workspace is not connected: it happens as soon as it is."}
  </AskOnce>
);
