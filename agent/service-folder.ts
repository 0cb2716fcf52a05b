import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ServiceDefinition } from "../contract/service.ts";
import { BrokenDefinition, DEFINITION_FILE, parseDefinition } from "./service-definition.ts";

const SCRIPTS = {
  start: /^start[-_]template(?:[-_]v(\d+))?\.sh$/,
  kill: /^kill[-_]template(?:[-_]v(\d+))?\.sh$/,
  controller: /^controller(?:[-_]v(\d+))?\.sh$/,
} as const;

/** The scripts of a service's folder (design 3.3), each by its whole path. */
export type ServiceScripts = { start: string; kill: string | undefined; controller: string | undefined };

/** A folder that holds a start script, as it was read. `definition` is null when `broken` says what is wrong. */
export type ServiceFolder = {
  name: string;
  directory: string;
  scripts: ServiceScripts;
  /** The icon's SVG source. */
  icon: string | null;
} & ({ definition: ServiceDefinition; broken: null } | { definition: null; broken: string });

/** What a launch, a URL and a session directory can spell. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const DEFAULT_ICON = "icon.svg";
/** Bytes. Definitions and icons travel with the catalogue, so that one beyond this would weigh on every console. */
const LARGEST_DEFINITION = 262_144;
const LARGEST_ICON = 65_536;

/** Of several spellings the highest version counts; among equals `_` before `-`. */
function pick(files: readonly string[], pattern: RegExp): string | undefined {
  const version = (file: string): number => Number(pattern.exec(file)?.[1] ?? 0);
  return files
    .filter((file) => pattern.test(file))
    .toSorted((one, other) => version(other) - version(one) || (one < other ? 1 : -1))[0];
}

async function readDefinition(directory: string, files: readonly string[]): Promise<ServiceDefinition> {
  if (!files.includes(DEFINITION_FILE)) return ServiceDefinition.parse({});
  const file = join(directory, DEFINITION_FILE);
  const { size } = await stat(file);
  if (size > LARGEST_DEFINITION)
    throw new BrokenDefinition(`${DEFINITION_FILE}: larger than ${LARGEST_DEFINITION} bytes`);
  return parseDefinition(await readFile(file, "utf8"));
}

/** An icon that is missing or too large costs the service nothing: a letter stands in. */
async function readIcon(directory: string, file: string): Promise<string | null> {
  const path = join(directory, file);
  try {
    return (await stat(path)).size > LARGEST_ICON ? null : await readFile(path, "utf8");
  } catch {
    return null;
  }
}

/**
 * Reads a folder as a service.
 * @returns undefined when it holds no start script, or is no folder. A folder that cannot be used says why in `broken`
 */
export async function readServiceFolder(directory: string): Promise<ServiceFolder | undefined> {
  // A folder may vanish or be closed to us at any moment; it is no service then.
  const files = await readdir(directory).catch(() => []);
  const start = pick(files, SCRIPTS.start);
  if (start === undefined) return undefined;
  const path = (file: string | undefined): string | undefined => file && join(directory, file);
  const name = basename(directory);
  const folder = {
    name,
    directory,
    scripts: {
      start: join(directory, start),
      kill: path(pick(files, SCRIPTS.kill)),
      controller: path(pick(files, SCRIPTS.controller)),
    },
  };
  const broken = (reason: string): ServiceFolder => ({
    ...folder,
    icon: null,
    definition: null,
    broken: reason,
  });
  if (!NAME.test(name)) return broken(`${name}: rename the folder to letters, digits, ".", "_" and "-"`);
  try {
    const definition = await readDefinition(directory, files);
    const icon = await readIcon(directory, definition.icon ?? DEFAULT_ICON);
    return { ...folder, icon, definition, broken: null };
  } catch (error) {
    if (error instanceof BrokenDefinition) return broken(error.message);
    return broken(`${DEFINITION_FILE}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
