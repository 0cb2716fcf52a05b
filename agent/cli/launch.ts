import { Command, Option } from "commander";
import { BerthError } from "../../contract/problem.ts";
import { isEnded, type Placement, PLACEMENTS, type Session } from "../../contract/session.ts";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";
import { plain, printJson, stateText } from "./output.ts";
import { addSchedulerOptions, type SchedulerOptions, schedulerRequest } from "./scheduler-options.ts";
import { watchSession } from "./watch.ts";

type Options = SchedulerOptions & {
  input?: Record<string, string>;
  name?: string;
  placement?: Placement;
  resource?: string;
  wait: boolean;
  json?: boolean;
};

/** Collects `--input name=value`; a value may hold further equals signs. */
function collectInput(text: string, inputs: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1)
    throw new BerthError("invalid_request", `Cannot read --input "${text}": write it as name=value`);
  return { ...inputs, [text.slice(0, at)]: text.slice(at + 1) };
}

/** Where a launch that does not say runs: on a cluster by its scheduler where it has one. */
async function placementOf(api: Api, { placement, resource }: Options): Promise<Placement> {
  if (placement !== undefined) return placement;
  if (resource === undefined) return "workspace";
  const found = (await api.resources()).find(({ name }) => name === resource);
  if (found === undefined)
    throw new BerthError("unknown_resource", `Cannot launch on "${resource}": there is no such resource`);
  return found.scheduler === "none" ? "controller" : "compute";
}

const EXAMPLES = `
Examples:
  berth launch webshell
  berth launch jupyter-notebook -r hpc --partition gpu --gpus 1 --time 4h
  berth launch vscode --resource hpc --placement controller`;

export const launchCommand = (): Command =>
  addSchedulerOptions(
    new Command("launch")
      .description("launch a service and wait until it runs")
      .argument("<service>", "a name from `berth services`")
      .option("-i, --input <name=value>", "a form input; repeatable", collectInput)
      .option("-n, --name <name>", "what to call the session")
      .option("-r, --resource <name>", "the cluster to run on: a name from `berth resource list`")
      .addOption(
        new Option(
          "-p, --placement <where>",
          "where it runs; of a resource with a scheduler: compute, else controller",
        ).choices(PLACEMENTS),
      )
      .option("--no-wait", "return as soon as the launch is accepted")
      .option("--json", "print the session as JSON")
      .addHelpText("after", EXAMPLES),
  ).action(launch);

async function launch(service: string, options: Options): Promise<void> {
  const api = await Api.open(readConfig(process.env));
  const { name, resource } = options;
  const scheduler = schedulerRequest(options);
  const launched = await api.launch({
    service,
    placement: await placementOf(api, options),
    inputs: options.input ?? {},
    ...(name !== undefined && { name }),
    ...(resource !== undefined && { resource }),
    ...(scheduler !== undefined && { scheduler }),
  });
  const session = options.wait ? await waitUntilUp(api, launched, options.json !== true) : launched;
  if (options.json === true) printJson(session);
  else process.stdout.write(`${plain(session.id)}  ${session.state}\n`);
  if (session.state === "failed") {
    throw new BerthError(
      "session_failed",
      `${session.name} failed: ${session.error}\nSee its log: berth logs ${session.id}`,
    );
  }
  if (options.json !== true && session.state === "running")
    process.stdout.write(`Open it: berth open ${plain(session.id)}\n`);
}

/** What is new: the status while it starts, and while it waits in a queue what for. */
const progressText = (session: Session): string =>
  session.state === "queued" ? stateText(session) : plain(session.status);

/** Says each new status on standard error, so that standard output holds the result alone. */
async function waitUntilUp(api: Api, launched: Session, isVerbose: boolean): Promise<Session> {
  let last = "";
  for await (const session of watchSession(api, launched.id)) {
    const now = progressText(session);
    if (isVerbose && now !== last) process.stderr.write(`${now}\n`);
    last = now;
    if (session.state === "running" || isEnded(session.state)) return session;
  }
  return launched;
}
