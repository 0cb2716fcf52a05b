import { randomBytes } from "node:crypto";
import { open, readFile, realpath, rename, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { BerthError } from "../../contract/problem.ts";
import { FileWatch } from "../file-watch.ts";
import { isMissing } from "../regular-file.ts";
import type { ResourceEntry } from "./resource-definition.ts";
import {
  parseResources,
  type ResourceFault,
  type ResourcesReading,
  withoutResource,
  withResource,
} from "./resources-text.ts";

const NAME = "resources.yaml";

/** How often a write begins anew because somebody else has written meanwhile. */
const ATTEMPTS = 5;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** `BERTH_HOME/resources.yaml`: the clusters of this workspace. The command line writes it, and so may any editor. */
export class ResourcesFile {
  readonly path: string;

  /** @param home `BERTH_HOME`; the file need not be there */
  constructor(home: string) {
    this.path = join(home, NAME);
  }

  /** Reads it. A missing file holds no cluster; one that cannot be read is a fault. */
  async read(): Promise<ResourcesReading> {
    try {
      return parseResources(await this.#text());
    } catch (error) {
      return { definitions: new Map(), faults: [{ name: null, line: 1, reason: messageOf(error) }] };
    }
  }

  /** A fault in words: where it is and what is wrong. */
  describe({ name, line, reason }: ResourceFault): string {
    return `${this.path}:${line}: ${name === null ? "" : `${name}: `}${reason}`;
  }

  /** Writes one cluster more. @throws BerthError `invalid_request` when the name is taken or the file is broken */
  async add(name: string, entry: ResourceEntry): Promise<void> {
    await this.#edit((text) => {
      const { definitions, faults } = parseResources(text);
      if (definitions.has(name) || faults.some((fault) => fault.name === name))
        throw new BerthError("invalid_request", `Cannot add "${name}": ${this.path} has it already`);
      return withResource(text, name, entry);
    });
  }

  /** Takes a cluster out. @throws BerthError `unknown_resource`; `invalid_request` when the file is broken */
  async remove(name: string): Promise<void> {
    await this.#edit((text) => {
      const { definitions, faults } = parseResources(text);
      if (!definitions.has(name) && !faults.some((fault) => fault.name === name))
        throw new BerthError("unknown_resource", `Cannot remove "${name}": ${this.path} does not have it`);
      return withoutResource(text, name);
    });
  }

  /**
   * Calls `onChange` with what stands in the file, once before it returns and after every change, whoever made it. An
   * entry that has become unreadable keeps its last good state: somebody may be in the middle of editing it.
   */
  async follow(onChange: (reading: ResourcesReading) => void): Promise<AsyncDisposable> {
    let last: ResourcesReading | undefined;
    let seen: string | undefined;
    const look = async (): Promise<void> => {
      const now = await this.#stamp();
      if (now === seen) return;
      seen = now;
      const reading = carryOver(await this.read(), last);
      if (isDeepStrictEqual(reading, last)) return;
      last = reading;
      onChange(reading);
    };
    await look();
    let turn = Promise.resolve();
    let isDue = false;
    const watch = new FileWatch(dirname(this.path), NAME, () => {
      if (isDue) return;
      isDue = true;
      turn = turn.then(() => {
        isDue = false;
        return look();
      });
    });
    return {
      [Symbol.asyncDispose]: async () => {
        watch[Symbol.dispose]();
        await turn;
      },
    };
  }

  /** Tells one state of the file from another without reading it. */
  async #stamp(): Promise<string> {
    const found = await stat(this.path, { bigint: true }).catch(() => undefined);
    return found === undefined
      ? ""
      : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`;
  }

  async #text(): Promise<string> {
    try {
      return await readFile(this.path, "utf8");
    } catch (error) {
      if (isMissing(error)) return "";
      throw error;
    }
  }

  /** Atomic, and on disk when it returns. A link in the file's place stays, and what it leads to is replaced. */
  async #edit(change: (text: string) => string | ResourceFault): Promise<void> {
    const target = await realpath(this.path).catch(() => this.path);
    for (let attempt = 1; ; attempt++) {
      const text = await this.#text();
      const edited = change(text);
      if (typeof edited !== "string")
        throw new BerthError("invalid_request", `Cannot change ${this.describe(edited)}. Mend it first`);
      const next = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}`);
      try {
        {
          await using file = await open(next, "wx", 0o600);
          await file.writeFile(edited);
          await file.sync();
        }
        if (attempt < ATTEMPTS && (await this.#text()) !== text) continue;
        await rename(next, target);
        return;
      } finally {
        await unlink(next).catch(() => undefined);
      }
    }
  }
}

/** The reading, with what is broken in it as it was when it last could be read. */
function carryOver(reading: ResourcesReading, last: ResourcesReading | undefined): ResourcesReading {
  const definitions = new Map(reading.definitions);
  const isBroken = (name: string): boolean =>
    reading.faults.some((fault) => fault.name === null || fault.name === name);
  for (const [name, definition] of last?.definitions ?? [])
    if (isBroken(name) && !definitions.has(name)) definitions.set(name, definition);
  return { definitions, faults: reading.faults };
}
