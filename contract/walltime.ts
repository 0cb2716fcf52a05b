const SECONDS = { d: 86_400, h: 3600, m: 60, s: 1 } as const;

/** A walltime that a scheduler would take: ten years are more than any. */
const MAX = 3650 * SECONDS.d;

/** What a message shows of the spellings there are. */
export const WALLTIME_EXAMPLES = "4h, 90m, 1:30:00 or 2-00:00:00";

const UNITS = /^(?:(\d{1,9})\s*d)?\s*(?:(\d{1,9})\s*h)?\s*(?:(\d{1,9})\s*m(?:in)?)?\s*(?:(\d{1,9})\s*s)?$/;
const CLOCK = /^(?:(\d{1,4})-)?(\d{1,5}):(\d{2}):(\d{2})$/;

function secondsOf(parts: readonly (string | undefined)[]): number {
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = parts.map((part) => Number(part ?? 0));
  return days * SECONDS.d + hours * SECONDS.h + minutes * SECONDS.m + seconds;
}

/**
 * Reads a walltime as people write it: `4h`, `90m`, `1 h 30 m`, `2d`, or as schedulers do: `1:30:00`, `2-00:00:00`
 * (sbatch(1), `--time`). A bare number and `1:30` mean other spans to Slurm than to PBS and are none.
 * @returns whole seconds, at least 1; undefined for any other text
 */
export function parseWalltime(text: string): number | undefined {
  const spelled = text.trim().toLowerCase();
  const clock = CLOCK.exec(spelled);
  if (clock !== null && (Number(clock[3]) > 59 || Number(clock[4]) > 59)) return undefined;
  const parts = clock ?? (spelled === "" ? null : UNITS.exec(spelled));
  if (parts === null) return undefined;
  const seconds = secondsOf(parts.slice(1));
  return seconds >= 1 && seconds <= MAX ? seconds : undefined;
}

/**
 * Spells a walltime for people, so that `parseWalltime` reads the same: `24 h`, `1 h 30 m`, `7 d`. Up to two days in
 * hours, as partitions' limits are spoken of.
 * @param seconds whole and not negative
 */
export function spellWalltime(seconds: number): string {
  const days = seconds > 2 * SECONDS.d ? Math.floor(seconds / SECONDS.d) : 0;
  const rest = seconds - days * SECONDS.d;
  const parts = [
    [days, "d"],
    [Math.floor(rest / SECONDS.h), "h"],
    [Math.floor((rest % SECONDS.h) / SECONDS.m), "m"],
    [rest % SECONDS.m, "s"],
  ] as const;
  const told = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`);
  return told.length === 0 ? "0 s" : told.join(" ");
}
