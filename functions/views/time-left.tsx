import { isEnded, type Session } from "../../contract/session.ts";
import { Left } from "./time.tsx";

/** From here on the time that is left is a warning, milliseconds. */
const SOON = 600_000;

/** How long the scheduler still leaves a session, with a bar that empties; the clock of the page keeps both current. */
export function TimeLeft({ session, now }: { session: Session; now: number }) {
  const { endsAt, startedAt, createdAt, scheduler, state } = session;
  if (endsAt === null || isEnded(state)) return null;
  const end = Date.parse(endsAt);
  const left = Math.max(0, end - now);
  const walltime = scheduler?.walltime;
  const whole = walltime === undefined ? end - Date.parse(startedAt ?? createdAt) : walltime * 1000;
  return (
    <span class="left">
      <progress
        aria-hidden="true"
        max={Math.max(whole, left, 1)}
        value={left}
        data-ends={endsAt}
        {...(left < SOON ? { "data-soon": "" } : {})}
      />
      {left === 0 ? (
        "time is up"
      ) : (
        <>
          <Left at={endsAt} now={now} /> left
        </>
      )}
    </span>
  );
}
