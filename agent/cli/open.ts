import { Command } from "commander";
import { BerthError } from "../../contract/problem.ts";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";
import { printJson } from "./output.ts";

export const openCommand = (): Command =>
  new Command("open")
    .description("print a link that logs a browser in, once, to the console or to a session")
    .argument("[id]", "a session from `berth list`")
    .option("--json", "print JSON")
    .action(async (id: string | undefined, options: { json?: boolean }) => {
      const api = await Api.open(readConfig(process.env));
      const session = id === undefined ? undefined : await api.session(id);
      if (session !== undefined && session.url === null) {
        throw new BerthError("session_not_ready", `${session.id} is ${session.state}: it has no address yet`);
      }
      const link = new URL(await api.loginLink());
      if (session !== undefined) link.searchParams.set("to", session.url ?? "/");
      if (options.json === true) printJson({ url: link.href });
      else process.stdout.write(`${link.href}\n`);
    });
