import { Command } from "commander";
import { BerthError } from "../../../contract/problem.ts";
import { makeHome, readConfig } from "../../config.ts";
import { error, type Finding } from "../../finding.ts";
import { ResourcesFile } from "../../resources/resources-file.ts";
import { findingText, hasErrors } from "../findings.ts";
import { widthOf } from "../hanging.ts";
import { printJson } from "../output.ts";
import { collectFingerprint } from "./host-keys.ts";
import { interruptible, Visit, type VisitOptions } from "./visit.ts";

const EXAMPLES = `
Examples:
  berth resource doctor
  berth resource doctor hpc --with-job
  berth resource doctor hpc --accept-host-key SHA256:6mx0vb…

Accept a key only after the administrators of the host have confirmed it.`;

export const resourceDoctorCommand = (): Command =>
  new Command("doctor")
    .description("look at a cluster, or at all of them, and say what is wrong and how to mend it")
    .argument("[name]", "one of `berth resource list`")
    .option("--with-job", "look from a node too, by a job of one minute, for at most 90 s")
    .option(
      "--accept-host-key <fingerprint>",
      "accept a host's key, SHA256:…; repeatable",
      collectFingerprint,
    )
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .action((name: string | undefined, options: VisitOptions) =>
      interruptible((signal) => diagnose(name, options, signal)),
    );

async function diagnose(name: string | undefined, options: VisitOptions, signal: AbortSignal): Promise<void> {
  const config = readConfig(process.env);
  const file = new ResourcesFile(config.home);
  const { definitions, faults } = await file.read();
  const wanted = [...definitions].filter(([one]) => name === undefined || one === name);
  const broken = faults.filter((fault) => name === undefined || fault.name === null || fault.name === name);
  if (name !== undefined && wanted.length === 0 && broken.length === 0)
    throw new BerthError("unknown_resource", `Cannot look at "${name}": ${file.path} does not have it`);
  await makeHome(config.home);

  const results: { name: string | null; findings: Finding[] }[] = broken.map((fault) => ({
    name: fault.name,
    findings: [error(file.describe(fault), "Mend the file; the agent follows by itself.")],
  }));
  if (options.json !== true) {
    for (const finding of results.flatMap(({ findings }) => findings))
      process.stdout.write(findingText(finding, widthOf(process.stdout)));
    if (results.length + wanted.length === 0)
      process.stdout.write("No cluster is set up. Add one: berth resource add <name> --host <host>\n");
  }
  for (const [one, definition] of wanted) {
    if (options.json !== true) process.stdout.write(`${one} (${definition.host})\n`);
    await using visit = new Visit(one, definition, { config, options, signal });
    results.push({ name: one, findings: await visit.examine(definition) });
  }
  if (options.json === true) printJson(results);
  if (results.some(({ findings }) => hasErrors(findings))) process.exitCode = 1;
}
