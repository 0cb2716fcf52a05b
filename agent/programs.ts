import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Requirement } from "../contract/service.ts";

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/**
 * Looks a program up as execvp(3) does, without a shell. A name with a slash is a path and is not searched for.
 * @param path directories separated by `:`; relative ones are passed over, since a session has another directory
 * @returns its file, undefined when there is none
 */
export async function findProgram(program: string, path: string): Promise<string | undefined> {
  const files = program.includes("/")
    ? [program]
    : path
        .split(delimiter)
        .filter((directory) => directory.startsWith("/"))
        .map((directory) => join(directory, program));
  for (const file of files) if (await isExecutable(file)) return file;
  return undefined;
}

/** What of a service's requirements is here: `missing` names the programs, `install` the commands that bring them. */
export type Installation = { installed: boolean; missing: string[]; install: string[] };

/** Holds requirements against PATH. A requirement is met by any of its programs; a missing one goes by its first. */
export async function checkInstalled(
  requirements: readonly Requirement[],
  path: string,
): Promise<Installation> {
  const unmet: Requirement[] = [];
  for (const requirement of requirements) {
    const found = await Promise.all(requirement.anyOf.map((program) => findProgram(program, path)));
    if (found.every((file) => file === undefined)) unmet.push(requirement);
  }
  return {
    installed: unmet.length === 0,
    missing: unmet.map(({ anyOf: [first = ""] }) => first),
    install: [...new Set(unmet.map(({ install }) => install))],
  };
}
