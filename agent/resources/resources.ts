import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import { jsonSize, ROW_LIMIT } from "../../contract/frames.ts";
import type { Resource as ResourceReport } from "../../contract/resource.ts";
import { BerthError } from "../../contract/problem.ts";
import { CannotAsk } from "../ssh/shell.ts";
import { Resource } from "./resource.ts";
import { ResourcesFile } from "./resources-file.ts";
import type { ResourcesReading } from "./resources-text.ts";

/** Berth's own file of known hosts. */
export const knownHostsPath = (home: string): string => join(home, "known_hosts");

export type ResourcesOptions = {
  /** `BERTH_HOME` */
  home: string;
  log: Pick<Logger, "info" | "warn">;
  clock?: () => number;
  random?: () => number;
};

/**
 * As much as the link carries: where a scheduler lists partitions without an end, none are told.
 * @param limit bytes of JSON
 */
export const fitting = (reports: ResourceReport[], limit: number = ROW_LIMIT): ResourceReport[] =>
  jsonSize(reports) <= limit ? reports : reports.map((report) => ({ ...report, partitions: [] }));

/** A cluster that a session is on. Disposed, the session has left it. */
export type ResourceUse = Disposable & { resource: Resource };

/** The clusters of this workspace, as resources.yaml has them now. */
export class Resources implements AsyncDisposable {
  readonly #options: Required<ResourcesOptions>;
  readonly #file: ResourcesFile;
  readonly #resources = new Map<string, Resource>();
  /** What the file no longer has so, and a session is on. */
  readonly #left = new Set<Resource>();
  readonly #listeners = new Set<() => void>();
  #following: AsyncDisposable | undefined;

  private constructor(options: ResourcesOptions) {
    this.#options = { clock: Date.now, random: Math.random, ...options };
    this.#file = new ResourcesFile(options.home);
  }

  static async open(options: ResourcesOptions): Promise<Resources> {
    const resources = new Resources(options);
    resources.#following = await resources.#file.follow((reading) => resources.#follow(reading));
    return resources;
  }

  /** Every cluster, as the edge is told of it. */
  reports(): ResourceReport[] {
    return fitting([...this.#resources.values()].map((resource) => resource.report));
  }

  /** Calls `listener` whenever `reports` has changed. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Takes a cluster for a session to be on.
   * @throws CannotAsk when there is none of that name: what a session has there cannot be asked until there is again
   */
  use(name: string): ResourceUse {
    const resource = this.#resources.get(name);
    if (resource === undefined) throw new CannotAsk(`There is no resource "${name}" any more: add it again`);
    const used = resource.use();
    return {
      resource,
      [Symbol.dispose]: () => {
        used[Symbol.dispose]();
        if (this.#left.has(resource) && !resource.isUsed) this.#close(resource);
      },
    };
  }

  /** @throws BerthError `unknown_resource` */
  mustHave(name: string): void {
    if (!this.#resources.has(name))
      throw new BerthError("unknown_resource", `Cannot start on "${name}": there is no such resource`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#following?.[Symbol.asyncDispose]();
    const all = [...this.#resources.values(), ...this.#left];
    await Promise.all(all.map((resource) => resource[Symbol.asyncDispose]()));
  }

  #follow({ definitions, faults }: ResourcesReading): void {
    const { home, log, clock, random } = this.#options;
    for (const fault of faults) log.warn({ fault: this.#file.describe(fault) }, "a resource cannot be used");
    for (const [name, resource] of this.#resources) {
      if (isDeepStrictEqual(resource.definition, definitions.get(name))) continue;
      this.#resources.delete(name);
      // Its sessions stay on it as it was.
      if (resource.isUsed) this.#left.add(resource);
      else this.#close(resource);
    }
    for (const [name, definition] of definitions) {
      if (this.#resources.has(name)) continue;
      const onChange = (): void => this.#changed();
      const knownHosts = knownHostsPath(home);
      this.#resources.set(name, new Resource({ name, definition, knownHosts, log, clock, random, onChange }));
    }
    this.#changed();
  }

  #close(resource: Resource): void {
    this.#left.delete(resource);
    resource[Symbol.asyncDispose]().catch((error: unknown) => {
      this.#options.log.warn({ err: error, resource: resource.name }, "a resource cannot be closed");
    });
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
