import { BerthError, type Problem } from "../../contract/problem.ts";

/** A `BerthError` as a value, which crosses an RPC; anything else is thrown on. */
export function failure(error: unknown): { ok: false; problem: Problem } {
  if (error instanceof BerthError) return { ok: false, problem: error.problem };
  throw error;
}
