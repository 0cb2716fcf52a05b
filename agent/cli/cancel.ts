import { Command } from "commander";
import { isEnded, type Session } from "../../contract/session.ts";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";
import { plain, printJson, stateText } from "./output.ts";
import { watchSession } from "./watch.ts";

export const cancelCommand = (): Command =>
  new Command("cancel")
    .description("cancel a session and wait until it is gone")
    .argument("<id>", "a session from `berth list`")
    .option("--no-wait", "return as soon as the cancel is noted")
    .option("--json", "print the session as JSON")
    .action(async (id: string, options: { wait: boolean; json?: boolean }) => {
      const api = await Api.open(readConfig(process.env));
      const noted = await api.cancel(id);
      const session = options.wait ? await waitUntilOver(api, noted) : noted;
      if (options.json === true) printJson(session);
      else process.stdout.write(`${plain(session.id)}  ${stateText(session)}\n`);
    });

async function waitUntilOver(api: Api, noted: Session): Promise<Session> {
  if (!noted.reachable && !isEnded(noted.state)) {
    process.stderr.write("The workspace is not connected: the cancel is noted and happens at its return.\n");
    return noted;
  }
  for await (const session of watchSession(api, noted.id)) if (isEnded(session.state)) return session;
  return noted;
}
