import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ServiceFile } from "../../agent/service-file.ts";
import type { ServiceJson } from "../../contract/service-json.ts";
import { eventually } from "./eventually.ts";
import { temporaryDirectory } from "./session-directory.ts";

/** What a service.json holds in the tests, unless they say otherwise. */
export const FIRST = { URL: "/me", PORT: "51458", SLUG: "tree", JOB_STATUS: "Running", ERROR_MESSAGE: "" };

export const serviceJson = (changes: Record<string, unknown> = {}): string =>
  JSON.stringify({ ...FIRST, ...changes });

/** A service.json on disk, the agent's hold on it, and what it was told. */
export async function openedServiceFile(content: string | null = serviceJson()) {
  const directory = await temporaryDirectory();
  const path = join(directory, "service.json");
  if (content !== null) await writeFile(path, content);
  const slugs: string[] = [];
  const broken: string[] = [];
  const changes: ServiceJson[] = [];
  const file = await ServiceFile.open(directory, {
    onChange(value) {
      changes.push(value);
      slugs.push(value.slug);
    },
    onBroken: (reason) => void broken.push(reason),
  });
  onTestFinished(() => file[Symbol.asyncDispose]());
  /** An edit that anybody can see, at the end of a test: what is to come before it has come by then. */
  const finish = async (): Promise<void> => {
    // At once: a file that is written in place is empty for a moment, which a busy machine makes long enough to be told.
    await writeFile(`${path}.last`, serviceJson({ SLUG: "last" }));
    await rename(`${path}.last`, path);
    await eventually(() => slugs.at(-1) === "last", { what: "the last edit" });
  };
  return { directory, path, file, changes, slugs, broken, finish };
}
