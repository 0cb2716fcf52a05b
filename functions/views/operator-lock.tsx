import type { LockedOut, OperatorUser } from "../../contract/operator.ts";
import { AskOnce } from "./ask-once.tsx";
import { ReasonField } from "./reason-field.tsx";
import { Ago } from "./time.tsx";

/** That somebody is locked out: since when, by whom, why. */
export const LockedMark = ({
  lockedOut: { since, by, reason },
  now,
}: {
  lockedOut: LockedOut;
  now: number;
}) => (
  <p class="locked">
    <strong>Locked out</strong> <Ago at={since} now={now} /> by {by}: {reason}
  </p>
);

/** Locks somebody out, asked once, in place. */
export function LockOut({ user: { id, name } }: { user: OperatorUser }) {
  const who = name ?? id;
  return (
    <AskOnce
      id={`lock-out-${id}`}
      button="Lock out"
      label={`Lock out ${who}`}
      question={`Lock out ${who}?`}
      action={`/operator/users/${id}/lock-out`}
      does="Lock out"
      keeps="Leave it"
      fields={
        <>
          <ReasonField />
          <label class="choice">
            <input type="checkbox" name="cancels" value="1" />
            <span>Cancel their sessions too; what is not saved in them is lost</span>
          </label>
        </>
      }
    >
      Their logins, API tokens and shares end at once, with whatever is open. Their agent is refused, so that
      nobody reaches their sessions, which go on. They read your name and the reason when they try to log in.
    </AskOnce>
  );
}

/** Lets somebody in again: what is easily undone is not asked. */
export const LetIn = ({ user: { id, name } }: { user: OperatorUser }) => (
  <form method="post" action={`/operator/users/${id}/let-in`}>
    <button class="button quiet" aria-label={`Let ${name ?? id} in`}>
      Let in
    </button>
  </form>
);
