import { Command } from "commander";
import { isEnded } from "../../contract/session.ts";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";
import { jobText, placeText, plain, printJson, printTable, stateText, timeLeft } from "./output.ts";

export const listCommand = (): Command =>
  new Command("list")
    .description("list the live sessions")
    .option("-a, --all", "the ended ones too")
    .option("--json", "print JSON")
    .action(async (options: { all?: boolean; json?: boolean }) => {
      const api = await Api.open(readConfig(process.env));
      const all = await api.sessions();
      const sessions = options.all === true ? all : all.filter((session) => !isEnded(session.state));
      if (options.json === true) {
        printJson(sessions);
        return;
      }
      if (sessions.length === 0) {
        process.stdout.write("No session is live. Launch one: berth launch webshell\n");
        return;
      }
      const rows = sessions.map((session) => [
        session.id,
        plain(session.name),
        session.service,
        placeText(session),
        jobText(session) ?? "",
        timeLeft(session, Date.now()) ?? "",
        session.url ?? "",
        stateText(session),
      ]);
      const header = ["ID", "NAME", "SERVICE", "RUNS ON", "JOB", "LEFT", "URL", "STATE"];
      // Nothing is said of jobs where there is none.
      const columns = header.map((_, column) => rows.some((row) => row[column] !== ""));
      const shown = (row: readonly string[]): string[] => row.filter((_, column) => columns[column]);
      printTable(shown(header), rows.map(shown));
    });
