import { setTimeout as delay } from "node:timers/promises";

/**
 * Polls until `probe` returns something other than undefined, null or false, and returns it.
 * @param options.timeoutMs the deadline, 30 s unless told
 * @param options.what what is waited for, for the error's message
 * @throws Error at the deadline, with the last error that the probe threw as its cause
 */
export async function eventually<Value>(
  probe: () => Value | Promise<Value>,
  options: { timeoutMs?: number; what?: string } = {},
): Promise<NonNullable<Exclude<Value, false>>> {
  const { timeoutMs = 30_000, what = "the condition" } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let cause: unknown;
    try {
      const value = await probe();
      if (value !== undefined && value !== null && value !== false)
        return value as NonNullable<Exclude<Value, false>>;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause });
    await delay(25);
  }
}

/**
 * Waits for a text that somebody else writes to have all of its last line: a file is there, and empty, before its
 * first byte is.
 * @throws Error as `eventually`
 */
export async function eventuallyWritten(
  read: () => Promise<string>,
  options: { timeoutMs?: number; what?: string } = {},
): Promise<string> {
  return eventually(async () => {
    const text = await read();
    return text.endsWith("\n") ? text : undefined;
  }, options);
}
