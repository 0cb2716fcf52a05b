import { Command } from "commander";
import { BerthError } from "../../../contract/problem.ts";
import type { ResourceView } from "../../../contract/resource.ts";
import { Api } from "../../api.ts";
import { type Config, readConfig } from "../../config.ts";
import type { ResourceDefinition } from "../../resources/resource-definition.ts";
import { ResourcesFile } from "../../resources/resources-file.ts";
import { plain, printJson, printTable } from "../output.ts";

export const resourceListCommand = (): Command =>
  new Command("list")
    .description("list the clusters that are set up, and whether they can be reached")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExamples:\n  berth resource list\n  berth resource list --json")
    .action(async (options: { json?: true }) => {
      const config = readConfig(process.env);
      const file = new ResourcesFile(config.home);
      const { definitions, faults } = await file.read();
      const seen = await seenByAgent(config);
      const resources = [...definitions].map(
        ([name, definition]) => seen.get(name) ?? unasked(name, definition),
      );
      for (const fault of faults) process.stderr.write(`berth: ${plain(file.describe(fault))}\n`);
      if (options.json === true) printJson(resources);
      else if (resources.length > 0)
        printTable(
          ["RESOURCE", "HOST", "SCHEDULER", "STATE"],
          resources.map((resource) => [
            resource.name,
            resource.host,
            resource.scheduler,
            stateText(resource),
          ]),
        );
      else process.stdout.write("No cluster is set up. Add one: berth resource add <name> --host <host>\n");
    });

/** The clusters as the agent last saw them; none where Berth does not run. */
async function seenByAgent(config: Config): Promise<Map<string, ResourceView>> {
  try {
    const api = await Api.open(config);
    return new Map((await api.resources()).map((resource) => [resource.name, resource]));
  } catch (error) {
    if (error instanceof BerthError) return new Map();
    throw error;
  }
}

const unasked = (name: string, { host, scheduler }: ResourceDefinition): ResourceView => ({
  name,
  host,
  scheduler,
  state: "unasked",
  reachable: false,
  trouble: null,
  partitions: [],
  askedAt: null,
});

function stateText({ state, trouble, askedAt, reachable }: ResourceView): string {
  if (state === "unasked") return "not asked yet";
  const text = trouble === null ? state : `${state} since ${trouble.since}: ${plain(trouble.text)}`;
  // What the edge has of a workspace that is away is the last that was known.
  return reachable || askedAt === null ? text : `${text} (as of ${askedAt})`;
}
