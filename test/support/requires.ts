import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { it } from "vitest";

function isHere(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Milliseconds; real programs start slowly on a busy machine. */
const TIMEOUT = 30_000;

/**
 * `it` for tests that run a real program. Where the program is missing such a test is skipped, with a note that names
 * the program and the command which brings it; with CI=true it fails with the same words.
 */
export function requires(
  program: string,
  install: string,
): (name: string, body: () => Promise<void> | void, timeout?: number) => void {
  const isMissing = !isHere(program);
  const reason = `${program} is not on PATH; to run this: ${install}`;
  return (name: string, body, timeout = TIMEOUT) => {
    // oxlint-disable-next-line vitest/valid-title -- it is the caller's
    it(name, { timeout }, async ({ skip }) => {
      if (isMissing && process.env["CI"] === "true") throw new Error(reason);
      skip(isMissing, reason);
      await body();
    });
  };
}
