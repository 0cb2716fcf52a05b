const SECONDS = { d: 86_400, h: 3600, m: 60, s: 1 } as const;

/** A walltime that a scheduler would take: ten years are more than any. */
const MAX = 3650 * SECONDS.d;

/** What a message shows of the spellings there are. */
export const WALLTIME_EXAMPLES = "4h, 90m, 1:30:00 or 2-00:00:00";

const UNITS = String.raw`(?:(\d{1,9})\s*[dD])?\s*(?:(\d{1,9})\s*[hH])?\s*(?:(\d{1,9})\s*[mM](?:in)?)?\s*(?:(\d{1,9})\s*[sS])?`;
const CLOCK = String.raw`(?:(\d{1,4})-)?(\d{1,5}):([0-5]\d):([0-5]\d)`;

/** What a form may hold a walltime against before it is sent (the `pattern` of HTML). It lets more through than is read. */
export const WALLTIME_PATTERN = `\\s*(?:${UNITS}|${CLOCK})\\s*`;

const units = new RegExp(`^${UNITS}$`);
const clock = new RegExp(`^${CLOCK}$`);

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
  const spelled = text.trim();
  const parts = clock.exec(spelled) ?? units.exec(spelled);
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
