import { median } from "./statistics.ts";
import type { Side } from "./target.ts";

/** What is held against a target: Berth's median over the peer's, less the direct one, or by itself. */
export type Wanted = {
  of: "ratio" | "difference" | "value";
  at: "least" | "most";
  limit: number;
};

/** One line of the table: samples of one quantity, a sample per round and side. */
export type Row = {
  measure: string;
  unit: string;
  samples: Partial<Record<Side, readonly number[]>>;
  /** Null: told for the reader's sake, held against nothing. */
  wanted: Wanted | null;
};

/** A measure that could not be taken counts as a miss. */
export type FailedRow = { measure: string; failed: string };

export type Judgement = { value: number; low: number; high: number; pass: boolean };

type Combine = (berth: number, other: number) => number;
const COMPARISONS: Record<Wanted["of"], { side: Side | null; combine: Combine }> = {
  ratio: { side: "peer", combine: (berth, peer) => berth / peer },
  difference: { side: "direct", combine: (berth, direct) => berth - direct },
  value: { side: null, combine: (berth) => berth },
};

/** Holds a row's medians against its target; `low` and `high` are the worst and best single round. */
export function judge({ samples, wanted }: Row): Judgement | null {
  if (wanted === null) return null;
  const { side, combine } = COMPARISONS[wanted.of];
  const berth = samples.berth ?? [];
  const other = side === null ? berth : (samples[side] ?? []);
  const value = combine(median(berth), median(other));
  const each = berth.map((sample, round) => combine(sample, other[round] ?? Number.NaN));
  const pass = wanted.at === "least" ? value >= wanted.limit : value <= wanted.limit;
  return { value, low: Math.min(...each), high: Math.max(...each), pass };
}
