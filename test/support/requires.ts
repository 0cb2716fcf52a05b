import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "vitest";

/** Whether a program is on this process's PATH. */
export function isHere(program: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * A hook for `beforeEach` of tests that run a real program. Where the program is missing they are skipped, with a note
 * that names it and the command which brings it; with CI=true they fail with the same words.
 */
export function needs(program: string, install: string): (context: TestContext) => void {
  const isMissing = !isHere(program);
  const reason = `${program} is not on PATH; to run this: ${install}`;
  return ({ skip }) => {
    if (isMissing && process.env["CI"] === "true") throw new Error(reason);
    skip(isMissing, reason);
  };
}
