const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Waits after each failed attempt. Together some 22 hours: a receiver that is down over night misses nothing. */
const WAITS = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
] as const;

/** How far a wait is drawn around its middle, so that what failed together does not come together again. */
const JITTER = 0.2;
const LONGEST = 12 * HOUR;

/**
 * Milliseconds until the next attempt; null: no more.
 * @param attempts how many have failed
 * @param askedMs what the receiver asked for: honoured where it is longer, up to 12 h
 * @param random from 0 to below 1
 */
export function backOff(attempts: number, askedMs: number, random: number): number | null {
  const wait = WAITS[attempts - 1];
  if (wait === undefined) return null;
  const drawn = wait * (1 + JITTER * (2 * random - 1));
  return Math.round(Math.max(drawn, Math.min(askedMs, LONGEST)));
}
