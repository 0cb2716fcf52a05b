const MIB = { m: 1, g: 1024, t: 1_048_576 } as const;

/** More than any node has, MiB: 1 PiB. */
const MAX = 1024 * MIB.t;

/** What a message shows of the spellings there are. */
export const MEMORY_EXAMPLES = "16G or 4096M";

const AMOUNT = String.raw`(\d{1,10}(?:\.\d{1,3})?)\s*([mMgGtT])(?:i?[bB])?`;

/** What a form may hold an amount against before it is sent (the `pattern` of HTML). */
export const MEMORY_PATTERN = `\\s*(?:${AMOUNT})\\s*`;

const pattern = new RegExp(`^${AMOUNT}$`);

/**
 * Reads an amount of memory as people write it: `16G`, `4096M`, `1.5 TiB`; units are powers of 1024, as schedulers count.
 * A bare number is none.
 * @returns whole MiB, at least 1, rounded up; undefined for any other text
 */
export function parseMemory(text: string): number | undefined {
  const [, amount, unit] = pattern.exec(text.trim()) ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  const mib = Math.ceil(Number(amount) * MIB[unit.toLowerCase() as keyof typeof MIB]);
  return mib >= 1 && mib <= MAX ? mib : undefined;
}

/** Spells an amount of memory, so that `parseMemory` reads the same: `16 GiB`, `1536 MiB`. */
export function spellMemory(mib: number): string {
  if (mib >= MIB.t && mib % MIB.t === 0) return `${mib / MIB.t} TiB`;
  return mib >= MIB.g && mib % MIB.g === 0 ? `${mib / MIB.g} GiB` : `${mib} MiB`;
}
