import { Command } from "commander";
import { BerthError } from "../../contract/problem.ts";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";
import { printJson } from "./output.ts";

export const openCommand = (): Command =>
  new Command("open")
    .description(
      "print a link to the console or to a session; of a local instance it logs a browser in, once",
    )
    .argument("[id]", "a session from `berth list`")
    .option("--json", "print JSON")
    .action(async (id: string | undefined, options: { json?: boolean }) => {
      const api = await Api.open(readConfig(process.env));
      const session = id === undefined ? undefined : await api.session(id);
      if (session !== undefined && session.url === null) {
        throw new BerthError("session_not_ready", `${session.id} is ${session.state}: it has no address yet`);
      }
      const link = await linkTo(api, session?.url ?? "/");
      if (options.json === true) printJson({ url: link.href });
      else process.stdout.write(`${link.href}\n`);
    });

/** Where people log in by name, a browser does so on its way. */
async function linkTo(api: Api, path: string): Promise<URL> {
  if ((await api.me()).login !== "link") return new URL(path, api.edge);
  const link = new URL(await api.loginLink());
  if (path !== "/") link.searchParams.set("to", path);
  return link;
}
