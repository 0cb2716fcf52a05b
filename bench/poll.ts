import { setTimeout as delay } from "node:timers/promises";

export type PollOptions = {
  timeoutMs: number;
  /** What is waited for, for the error's message. */
  what: string;
  signal: AbortSignal;
  /** From the beginning of one probe to the beginning of the next, where the probe is no slower itself. */
  everyMs?: number;
};

/**
 * Probes at a fixed rate until something other than undefined, null or false comes, and returns it.
 * @throws Error at the deadline, and what the probe throws
 */
export async function poll<Value>(
  probe: () => Value | Promise<Value>,
  { timeoutMs, what, signal, everyMs = 10 }: PollOptions,
): Promise<NonNullable<Exclude<Value, false>>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const begun = performance.now();
    const value = await probe();
    if (value !== undefined && value !== null && value !== false)
      return value as NonNullable<Exclude<Value, false>>;
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await delay(Math.max(0, begun + everyMs - performance.now()), undefined, { signal });
  }
}
