import type { Writable } from "node:stream";

/** Resolves when more can be written to `stream`, or nothing ever will be. */
export function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done).off("close", done);
      resolve();
    };
    if (stream.destroyed) resolve();
    else stream.on("drain", done).on("close", done);
  });
}
