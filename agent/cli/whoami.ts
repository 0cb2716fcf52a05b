import { Command } from "commander";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";
import { plain, printJson, printTable } from "./output.ts";

export const whoamiCommand = (): Command =>
  new Command("whoami")
    .description("say at which edge you are who, and what you may do there")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => {
      const api = await Api.open(readConfig(process.env));
      const me = await api.me();
      if (options.json === true) {
        printJson({ edge: api.edge.origin, ...me });
        return;
      }
      const lines: [string, string | null][] = [
        ["name", plain(me.name)],
        ["email", me.email === null ? null : plain(me.email)],
        ["role", me.role],
        ["may", me.scopes.join(", ")],
        ["token", me.token === null ? null : plain(me.token.name)],
        ["user", me.user],
      ];
      const rows = lines.flatMap(([name, value]) => (value === null ? [] : [[name, value]]));
      printTable(["edge", api.edge.origin], rows);
    });
