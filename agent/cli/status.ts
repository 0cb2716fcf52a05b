import { Command } from "commander";
import { Api } from "../api.ts";
import { readConfig } from "../config.ts";
import {
  jobText,
  placeText,
  plain,
  plainLines,
  printJson,
  printTable,
  stateText,
  timeLeft,
} from "./output.ts";

export const statusCommand = (): Command =>
  new Command("status")
    .description("show one session")
    .argument("<id>", "a session from `berth list`")
    .option("--json", "print JSON")
    .action(async (id: string, options: { json?: boolean }) => {
      const api = await Api.open(readConfig(process.env));
      const session = await api.session(id);
      if (options.json === true) {
        printJson(session);
        return;
      }
      const lines: [string, string | null][] = [
        ["session", session.id],
        ["name", plain(session.name)],
        ["service", session.service],
        ["runs on", placeText(session)],
        ["job", jobText(session)],
        ["state", stateText(session)],
        ["time left", timeLeft(session, Date.now())],
        ["url", session.url],
        ["launched", session.createdAt],
        ["job taken", session.placement === "compute" ? session.submittedAt : null],
        ["job begun", session.placement === "compute" ? session.jobStartedAt : null],
        ["running since", session.startedAt],
        ["ended", session.endedAt],
      ];
      const shown = lines.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
      const [first, ...rest] = shown;
      if (first !== undefined) printTable(first, rest);
      if (session.error !== "") process.stdout.write(`\n${plainLines(session.error)}\n`);
    });
