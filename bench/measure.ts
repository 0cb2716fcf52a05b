import type { BenchSession } from "./api.ts";
import type { Berth } from "./berth.ts";
import type { Row } from "./row.ts";
import type { Side, Target } from "./target.ts";

/** What a measure works with: Berth, a running session of the bench's service, and the three ways to it. */
export type Bench = {
  berth: Berth;
  session: BenchSession;
  targets: readonly Target[];
  rounds: number;
  signal: AbortSignal;
};

/** What every measure works with: the ways to one service. */
export type Stage = Pick<Bench, "targets" | "rounds" | "signal">;

/** What a measure of Berth's own doings works with. */
export type BerthStage = Stage & Pick<Bench, "berth">;

/** One measure: the name that `--only` takes, what it is for `--help`, and how it is taken. */
export type Measure<On extends Stage = Bench> = {
  name: string;
  about: string;
  run: (on: On) => Promise<Row[]>;
};

/** Every transfer or burst of requests is given this long, milliseconds; then it has failed. */
const DEADLINE = 120_000;

/**
 * Runs the same work through every target in turn, A B C A B C …, so that a noisy minute meets them all. The first
 * round warms up and is thrown away.
 */
export async function interleave<Result>(
  { targets, rounds, signal }: Stage,
  run: (target: Target, signal: AbortSignal) => Promise<Result>,
): Promise<Partial<Record<Side, Result[]>>> {
  const results: Partial<Record<Side, Result[]>> = {};
  for (let round = 0; round <= rounds; round += 1) {
    for (const target of targets) {
      const result = await run(target, AbortSignal.any([signal, AbortSignal.timeout(DEADLINE)]));
      if (round > 0) (results[target.name] ??= []).push(result);
    }
  }
  return results;
}

/** Picks one number out of every result. */
export function pick<Result>(
  results: Partial<Record<Side, Result[]>>,
  number: (result: Result) => number,
): Partial<Record<Side, number[]>> {
  return Object.fromEntries(
    Object.entries(results).map(([side, samples]) => [side, samples.map((sample) => number(sample))]),
  );
}
