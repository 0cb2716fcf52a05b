/** A browser's request body on its way to the agent; `length` in bytes where the browser said it. */
export type RequestBody = { stream: ReadableStream<Uint8Array>; length: number | null };

/**
 * The body as the answer to the agent's fetch. Through a transform of the runtime's own it travels in pieces as large
 * as they come: handed over directly, workerd copies it 4 KiB at a time, which halves the rate of an upload (measured
 * with workerd 1.20261102). A body that breaks off breaks the answer; an agent that leaves cancels the body.
 */
export function passOn({ stream, length }: RequestBody): ReadableStream<Uint8Array> {
  const { readable, writable } =
    length === null ? new IdentityTransformStream() : new FixedLengthStream(length);
  stream.pipeTo(writable).catch(() => undefined);
  return readable;
}
