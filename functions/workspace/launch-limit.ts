import { BerthError } from "../../contract/problem.ts";
import { isEnded } from "../../contract/session.ts";
import type { Limits } from "../limits.ts";
import type { StoredSession } from "./store.ts";

const WINDOW_MS = 60_000;

/**
 * Milliseconds until another launch is within the limit; 0: now. A window that slides, whose truth is when the sessions
 * were launched, so that an eviction forgets nothing.
 * @param launched in milliseconds since 1970, in any order; what is not past yet is another clock's and does not count
 */
export function launchWait(launched: readonly number[], limit: number, now: number): number {
  const recent = launched.filter((at) => at > now - WINDOW_MS && at <= now).toSorted((a, b) => a - b);
  const first = recent[recent.length - limit];
  return first === undefined ? 0 : first + WINDOW_MS - now;
}

/**
 * Holds a launch against what its user has already.
 * @throws BerthError `too_many_requests` with the time to wait; `too_many_sessions`, which no waiting mends
 */
export function checkLaunch(
  sessions: readonly StoredSession[],
  limits: Pick<Limits, "launches" | "sessions">,
  now: number,
): void {
  const live = sessions.filter((stored) => !isEnded(stored.report?.state ?? "submitted")).length;
  if (live >= limits.sessions)
    throw new BerthError(
      "too_many_sessions",
      `${live} sessions of yours have not ended, and at most ${limits.sessions} may be there at once`,
    );
  const launched = sessions.map(({ spec }) => spec.createdAt);
  const wait = Math.ceil(launchWait(launched, limits.launches, now) / 1000);
  if (wait > 0)
    throw new BerthError(
      "too_many_requests",
      `at most ${limits.launches} sessions may be launched within a minute; the next one in ${wait} s`,
      { retryAfter: wait },
    );
}
