/** So long before the end of its walltime a session is warned of it, minutes. */
const WARNINGS = [10, 2] as const;
const MINUTE = 60_000;

export type WalltimeOptions = {
  /** When the job began and when the scheduler will end it; milliseconds since 1970. */
  startedAt: number;
  endsAt: number;
  /** The warnings that have been given, minutes. */
  warned: readonly number[];
};

/**
 * The next warning that is due. One whose time had come before the job began is none: who asked for five minutes
 * knows it.
 * @returns when, milliseconds since 1970, and which, minutes; undefined when there is none left
 */
export function nextWarning({
  startedAt,
  endsAt,
  warned,
}: WalltimeOptions): { at: number; minutes: number } | undefined {
  return WARNINGS.map((minutes) => ({ at: endsAt - minutes * MINUTE, minutes }))
    .filter(({ at, minutes }) => at > startedAt && !warned.some((given) => given <= minutes))
    .at(0);
}

/** What the user is told. After a time without an agent it may be late, and says how much is left. */
export function warningText(name: string, endsAt: number, now: number): string {
  const minutes = Math.max(1, Math.round((endsAt - now) / MINUTE));
  return `${name} ends in ${minutes} ${minutes === 1 ? "minute" : "minutes"}: its walltime is over then. Save your work`;
}
