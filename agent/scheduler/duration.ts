const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const twoDigits = (number: number): string => String(number).padStart(2, "0");

/** Seconds as `HH:MM:SS`, the hours past 24 if they must: Slurm and both dialects of PBS read it alike. */
export function clock(seconds: number): string {
  const [hours, rest] = [Math.floor(seconds / HOUR), seconds % HOUR];
  return `${twoDigits(hours)}:${twoDigits(Math.floor(rest / MINUTE))}:${twoDigits(rest % MINUTE)}`;
}

/**
 * Reads `[[D-]HH:]MM:SS` or `D-HH[:MM[:SS]]` as seconds: what `sinfo` and `qstat` print.
 * @returns undefined for anything else, such as `infinite`, `n/a`, `UNLIMITED`, `--`
 */
export function parseClock(text: string): number | undefined {
  const found = /^(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?$/.exec(text.trim());
  if (found === null) return undefined;
  const [days, ...rest] = found.slice(1).map((part) => (part === undefined ? undefined : Number(part)));
  const [first = 0, second, third] = rest;
  if (days !== undefined) return days * DAY + first * HOUR + (second ?? 0) * MINUTE + (third ?? 0);
  if (second === undefined) return undefined;
  return third === undefined ? first * MINUTE + second : first * HOUR + second * MINUTE + third;
}
