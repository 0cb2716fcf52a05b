import { Command } from "commander";
import { diagnose } from "../doctor.ts";
import { readConfig } from "../config.ts";
import { printJson } from "./output.ts";

const MARKS = { ok: "✓", warning: "!", error: "✕" } as const;

export const doctorCommand = (): Command =>
  new Command("doctor")
    .description("look at this workspace, and say what is wrong and how to mend it")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => {
      const findings = await diagnose(readConfig(process.env));
      if (options.json === true) printJson(findings);
      else {
        for (const { level, title, remedy } of findings) {
          process.stdout.write(`${MARKS[level]} ${title}${remedy === null ? "" : `\n    ${remedy}`}\n`);
        }
      }
      if (findings.some((finding) => finding.level === "error")) process.exitCode = 1;
    });
