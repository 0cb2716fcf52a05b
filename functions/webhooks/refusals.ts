import type { Context } from "hono";
import { BerthError } from "../../contract/problem.ts";
import { addressOf, networkOf } from "../auth/address.ts";
import type { AppEnv } from "../env.ts";
import { registryPart } from "../registry/parts.ts";

/** Why a message is refused before it is believed. */
const REFUSALS: ReadonlySet<string> = new Set(["invalid_signature", "payload_too_large"]);

/** The binding counts by the minute. Seconds. */
const PERIOD_S = 60;

/** What is counted in so long is told at once: under a flood, too, the registry hears no more often. Milliseconds. */
const GATHER_MS = 1000;
/** A report of which nothing is heard for so long died with its request. Milliseconds. */
const LOST_MS = 10_000;

/** What this isolate has refused and not told yet, by code. */
let counts: Record<string, number> = {};
/** A report is under way, no longer than until then; milliseconds since 1970. */
let tellingUntil = 0;

export const isRefusal = (error: unknown): error is BerthError =>
  error instanceof BerthError && REFUSALS.has(error.code);

/**
 * Counts a message that was not believed, against its address and for the operator.
 * @returns what is to be answered: the refusal, or `too_many_requests` where the address has had its share
 */
export async function countRefusal(c: Context<AppEnv>, refusal: BerthError): Promise<BerthError> {
  const from = addressOf(c.req.raw);
  const { success } = await c.env.ATTEMPTS.limit({ key: `webhook ${networkOf(from)}` });
  const answer = success
    ? refusal
    : new BerthError("too_many_requests", "too many messages from this address were not believed", {
        retryAfter: PERIOD_S,
      });
  counts[answer.code] = (counts[answer.code] ?? 0) + 1;
  if (tellingUntil <= Date.now()) {
    tellingUntil = Date.now() + LOST_MS;
    c.executionCtx.waitUntil(tell(c.env, from));
  }
  return answer;
}

/** Tells the registry, and in the log where the first of them came from. */
async function tell(env: AppEnv["Bindings"], from: string | null): Promise<void> {
  await scheduler.wait(GATHER_MS);
  const told = counts;
  counts = {};
  console.warn(`webhook calls were refused, one from ${from ?? "this machine"}:`, told);
  try {
    await registryPart(env, "intake").refused(told);
  } catch (error) {
    for (const [code, count] of Object.entries(told)) counts[code] = (counts[code] ?? 0) + count;
    console.warn("the registry does not count them:", error);
  } finally {
    tellingUntil = 0;
  }
}
