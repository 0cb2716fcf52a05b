import { once } from "node:events";
import { Command } from "commander";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";

export const logsCommand = (): Command =>
  new Command("logs")
    .description("print a session's log")
    .argument("<id>", "a session from `berth list --all`")
    .option("-f, --follow", "go on as the log grows, until the session has ended")
    .action(async (id: string, options: { follow?: boolean }) => {
      const api = await Api.open(readConfig(process.env));
      const stop = new AbortController();
      process.once("SIGINT", () => stop.abort());
      try {
        for await (const chunk of api.logs(id, { follow: options.follow === true, signal: stop.signal })) {
          if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
        }
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      }
    });
