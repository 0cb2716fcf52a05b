import { Command } from "commander";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";
import { printJson, printTable } from "./output.ts";

export const servicesCommand = (): Command =>
  new Command("services")
    .description("list the services and whether what they need is installed here")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => {
      const api = await Api.open(readConfig(process.env));
      const services = await api.services();
      if (options.json === true) {
        printJson(services);
        return;
      }
      const rows = services.map(({ name, title, installed, install, broken }) => {
        const note = broken ?? (installed ? "ready" : `not installed; run: ${install.join("; ")}`);
        return [name, title, note];
      });
      printTable(["SERVICE", "TITLE", ""], rows);
    });
