import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ServiceDefinition } from "../contract/service.ts";
import { findScript } from "./script/service-scripts.ts";
import { BrokenDefinition, DEFINITION_FILE, parseDefinition } from "./service-definition.ts";

/** A folder that holds a start script, as it was read. `definition` is null when `broken` says what is wrong. */
export type ServiceFolder = {
  name: string;
  directory: string;
  /** The icon's SVG source. */
  icon: string | null;
} & ({ definition: ServiceDefinition; broken: null } | { definition: null; broken: string });

/** What a launch, a URL and a session directory can spell. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const DEFAULT_ICON = "icon.svg";
/** Bytes. Definitions and icons travel with the catalogue, so that one beyond this would weigh on every console. */
const LARGEST_DEFINITION = 262_144;
const LARGEST_ICON = 65_536;

async function readDefinition(directory: string): Promise<ServiceDefinition> {
  const file = join(directory, DEFINITION_FILE);
  if (!existsSync(file)) return ServiceDefinition.parse({});
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
  if (findScript(directory, "start") === undefined) return undefined;
  const name = basename(directory);
  const folder = { name, directory };
  const broken = (reason: string): ServiceFolder => ({
    ...folder,
    icon: null,
    definition: null,
    broken: reason,
  });
  if (!NAME.test(name)) return broken(`${name}: rename the folder to letters, digits, ".", "_" and "-"`);
  try {
    const definition = await readDefinition(directory);
    const icon = await readIcon(directory, definition.icon ?? DEFAULT_ICON);
    return { ...folder, icon, definition, broken: null };
  } catch (error) {
    if (error instanceof BrokenDefinition) return broken(error.message);
    return broken(`${DEFINITION_FILE}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
