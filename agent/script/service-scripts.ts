import { readdirSync } from "node:fs";
import { join } from "node:path";

/** A service's own scripts. File names with `-` for `_`, or a `-v3` before the suffix, are accepted (design 3.3). */
const SCRIPTS = {
  start: /^start[-_]template(?:[-_]v(\d+))?\.sh$/,
  kill: /^kill[-_]template(?:[-_]v(\d+))?\.sh$/,
  controller: /^controller(?:[-_]v(\d+))?\.sh$/,
} as const;

/**
 * Finds one of a service's scripts. Of several spellings the highest version counts; among equals `_` before `-`.
 * @returns its path, or undefined when the folder has none, or is none
 */
export function findScript(folder: string, kind: keyof typeof SCRIPTS): string | undefined {
  const version = (name: string): number => Number(SCRIPTS[kind].exec(name)?.[1] ?? 0);
  const [found] = list(folder)
    .filter((name) => SCRIPTS[kind].test(name))
    .toSorted((one, other) => version(other) - version(one) || (one < other ? 1 : -1));
  return found === undefined ? undefined : join(folder, found);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
