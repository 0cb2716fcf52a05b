import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { jsonSize, ROW_LIMIT } from "../contract/frames.ts";
import type { CatalogueEntry } from "../contract/service.ts";
import { ServiceDefinition } from "../contract/service.ts";
import { FolderWatch } from "./folder-watch.ts";
import type { Installation } from "./programs.ts";
import { checkInstalled } from "./programs.ts";
import type { ServiceFolder } from "./service-folder.ts";
import { readServiceFolder } from "./service-folder.ts";

/** A service of the catalogue. `definition` is null exactly when `entry.broken` says what is wrong with it. */
export type Service = Pick<ServiceFolder, "definition" | "directory"> & { entry: CatalogueEntry };

const DEFAULTS = ServiceDefinition.parse({});
const NOTHING_NEEDED: Installation = { installed: true, missing: [], install: [] };

/** `jupyter-notebook` → `Jupyter notebook` */
const titleOf = (name: string): string => {
  const words = name.replace(/[-_]+/g, " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

async function describe(folder: ServiceFolder, path: string): Promise<Service> {
  const { name, directory, icon, definition, broken } = folder;
  const { title, description, placements, inputs, requires } = definition ?? DEFAULTS;
  const installation = broken === null ? await checkInstalled(requires, path) : NOTHING_NEEDED;
  const shown = title ?? titleOf(name);
  const entry = { name, title: shown, description, icon, placements, inputs, ...installation, broken };
  return { entry, definition, directory };
}

/** The folders in these directories that are services; a later directory's hides an earlier one's of the same name. */
async function readAll(directories: readonly string[], path: string): Promise<Map<string, Service>> {
  const services = new Map<string, Service>();
  for (const directory of directories) {
    const names = (await readdir(directory).catch(() => [])).filter((name) => !name.startsWith("."));
    const folders = await Promise.all(names.map((name) => readServiceFolder(join(directory, name))));
    const found = folders.filter((folder) => folder !== undefined);
    for (const service of await Promise.all(found.map((folder) => describe(folder, path))))
      services.set(service.entry.name, service);
  }
  return services;
}

/** What is left of a service whose form is too much for the link. */
const withoutForm = (entry: CatalogueEntry): CatalogueEntry => ({
  ...entry,
  description: "",
  inputs: [],
  broken: "its form, with those of the other services, is more than the console can hold; make it smaller",
});

/**
 * As much of a catalogue as the link carries: icons go first, for a letter stands in; then the largest forms.
 * @param limit bytes of JSON
 */
export function fitting(entries: readonly CatalogueEntry[], limit: number = ROW_LIMIT): CatalogueEntry[] {
  let size = jsonSize(entries);
  if (size <= limit) return [...entries];
  const plain = entries.map((entry) => ({ ...entry, icon: null }));
  size = jsonSize(plain);
  const cut = new Map<string, CatalogueEntry>();
  for (const entry of plain.toSorted((one, other) => jsonSize(other) - jsonSize(one))) {
    if (size <= limit) break;
    const rest = withoutForm(entry);
    size -= jsonSize(entry) - jsonSize(rest);
    cut.set(entry.name, rest);
  }
  return plain.map((entry) => cut.get(entry.name) ?? entry);
}

/** The services that can be launched on this machine, from folders that may change at any time. */
export class Catalogue {
  readonly #directories: readonly string[];
  readonly #path: string;
  #services: ReadonlyMap<string, Service>;

  private constructor(directories: readonly string[], path: string, services: Map<string, Service>) {
    this.#directories = directories;
    this.#path = path;
    this.#services = services;
  }

  /**
   * Reads the services in these directories; one that is not there holds none, and may come later.
   * @param directories the later hide the earlier: the installation's first, then the user's own
   * @param options.path where programs are searched for, as PATH spells it
   */
  static async load(
    directories: readonly string[],
    options: { path?: string | undefined } = {},
  ): Promise<Catalogue> {
    const path = options.path ?? process.env["PATH"] ?? "";
    return new Catalogue(directories, path, await readAll(directories, path));
  }

  /** The catalogue as the console shows it, sorted by title, as far as the link carries it. */
  entries(): CatalogueEntry[] {
    const entries = [...this.#services.values()].map(({ entry }) => entry);
    return fitting(
      entries.toSorted(
        (one, other) => one.title.localeCompare(other.title) || one.name.localeCompare(other.name),
      ),
    );
  }

  get(name: string): Service | undefined {
    return this.#services.get(name);
  }

  /**
   * Reads everything again, and looks again for what is installed.
   * @returns true when something is different now
   */
  async refresh(): Promise<boolean> {
    const services = await readAll(this.#directories, this.#path);
    const isSame = isDeepStrictEqual(services, this.#services);
    this.#services = services;
    return !isSame;
  }

  /**
   * Calls `onChange` after a service was added, changed or taken away, a moment after the last write to its folder.
   * Programs that come and go are not seen: `refresh` looks for them.
   */
  watch(onChange: (entries: CatalogueEntry[]) => void): Disposable {
    const watch = new FolderWatch(this.#directories, async () => {
      if ((await this.refresh()) && !watch.isDisposed) onChange(this.entries());
    });
    return watch;
  }
}
