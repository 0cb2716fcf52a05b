import { Command } from "commander";
import { diagnose } from "../doctor.ts";
import { readConfig } from "../config.ts";
import { findingText, hasErrors } from "./findings.ts";
import { widthOf } from "./hanging.ts";
import { printJson } from "./output.ts";

export const doctorCommand = (): Command =>
  new Command("doctor")
    .description("look at this workspace, and say what is wrong and how to mend it")
    .option("--json", "print JSON")
    .action(async (options: { json?: boolean }) => {
      const findings = await diagnose(readConfig(process.env));
      if (options.json === true) printJson(findings);
      else
        for (const finding of findings) process.stdout.write(findingText(finding, widthOf(process.stdout)));
      if (hasErrors(findings)) process.exitCode = 1;
    });
