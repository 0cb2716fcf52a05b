import { Command } from "commander";
import { BerthError } from "../../contract/problem.ts";
import { isEnded, type Placement, type Session } from "../../contract/session.ts";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";
import { plain, printJson } from "./output.ts";
import { watchSession } from "./watch.ts";

type Options = {
  input: Record<string, string>;
  name?: string;
  placement: Placement;
  wait: boolean;
  json?: boolean;
};

/** Collects `--input name=value`; a value may hold further equals signs. */
function collectInput(text: string, inputs: Record<string, string>): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1)
    throw new BerthError("invalid_request", `Cannot read --input "${text}": write it as name=value`);
  return { ...inputs, [text.slice(0, at)]: text.slice(at + 1) };
}

export const launchCommand = (): Command =>
  new Command("launch")
    .description("launch a service and wait until it runs")
    .argument("<service>", "a name from `berth services`")
    .option("-i, --input <name=value>", "a form input; repeatable", collectInput, {})
    .option("-n, --name <name>", "what to call the session")
    .option("-p, --placement <where>", "workspace, controller or compute", "workspace")
    .option("--no-wait", "return as soon as the launch is accepted")
    .option("--json", "print the session as JSON")
    .action(async (service: string, options: Options) => {
      const api = await Api.open(readConfig(process.env));
      const name = options.name === undefined ? {} : { name: options.name };
      const launched = await api.launch({
        service,
        placement: options.placement,
        inputs: options.input,
        ...name,
      });
      const session = options.wait ? await waitUntilUp(api, launched, options.json !== true) : launched;
      if (options.json === true) printJson(session);
      else process.stdout.write(`${session.id}  ${session.state}\n`);
      if (session.state === "failed") {
        throw new BerthError(
          "bad_gateway",
          `${session.name} failed: ${session.error}\nSee its log: berth logs ${session.id}`,
        );
      }
      if (options.json !== true && session.state === "running")
        process.stdout.write(`Open it: berth open ${session.id}\n`);
    });

/** Says each new status on standard error, so that standard output holds the result alone. */
async function waitUntilUp(api: Api, launched: Session, isVerbose: boolean): Promise<Session> {
  let last = "";
  for await (const session of watchSession(api, launched.id)) {
    if (isVerbose && session.status !== last) process.stderr.write(`${plain(session.status)}\n`);
    last = session.status;
    if (session.state === "running" || isEnded(session.state)) return session;
  }
  return launched;
}
