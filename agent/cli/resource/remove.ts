import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { BerthError } from "../../../contract/problem.ts";
import { isEnded } from "../../../contract/session.ts";
import { Api } from "../../api.ts";
import { type Config, readConfig } from "../../config.ts";
import { ResourcesFile } from "../../resources/resources-file.ts";
import { readRecord, RECORD } from "../../sessions/record.ts";

export const removeCommand = (): Command =>
  new Command("remove")
    .description("take a cluster out of resources.yaml; nothing on the cluster is touched")
    .argument("<name>", "one of `berth resource list`")
    .option("--force", "although sessions live on it: they go on, and Berth sees them no more")
    .addHelpText("after", "\nExamples:\n  berth resource remove hpc")
    .action(async (name: string, options: { force?: true }) => {
      const config = readConfig(process.env);
      const file = new ResourcesFile(config.home);
      const live = options.force === true ? [] : await sessionsOn(name, config);
      if (live.length > 0)
        throw new BerthError(
          "resource_in_use",
          `Cannot remove "${name}": ${live.length === 1 ? "a session lives" : `${live.length} sessions live`} on it: ${live.join(", ")}`,
        );
      await file.remove(name);
      process.stdout.write(`${name} is removed.\n`);
    });

/** The sessions that live on a cluster: as the workspace remembers them, and as the edge does where it can be asked. */
async function sessionsOn(name: string, config: Config): Promise<string[]> {
  const [remembered, wanted] = await Promise.all([recordedOn(name, config), knownToEdge(name, config)]);
  return [...new Set([...remembered, ...wanted])].toSorted();
}

async function recordedOn(name: string, { home }: Config): Promise<string[]> {
  const directory = join(home, "sessions");
  const ids = await readdir(directory).catch(() => []);
  const live = await Promise.all(
    ids.map(async (id) => {
      const record = await readRecord(join(directory, id, RECORD)).catch(() => undefined);
      return record?.spec.resource === name && record.phase !== "ended" ? [id] : [];
    }),
  );
  return live.flat();
}

async function knownToEdge(name: string, config: Config): Promise<string[]> {
  try {
    const api = await Api.open(config);
    const sessions = await api.sessions();
    return sessions.filter(({ resource, state }) => resource === name && !isEnded(state)).map(({ id }) => id);
  } catch (error) {
    if (error instanceof BerthError) return [];
    throw error;
  }
}
