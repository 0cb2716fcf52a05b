import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { BerthError, invalid } from "../../../contract/problem.ts";
import { ResourceName, SCHEDULERS, type SchedulerName } from "../../../contract/resource.ts";
import { makeHome, readConfig } from "../../config.ts";
import { error, type Finding } from "../../finding.ts";
import { choose, detect } from "../../resources/detection.ts";
import { ResourceDefinition, type ResourceEntry } from "../../resources/resource-definition.ts";
import { CONTACT, NEEDS } from "../../resources/resource-doctor.ts";
import { ResourcesFile } from "../../resources/resources-file.ts";
import { PBS_DIALECTS, type PbsDialect } from "../../scheduler/pbs/dialect.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { hasErrors } from "../findings.ts";
import { plain, printJson } from "../output.ts";
import { collectFingerprint } from "./host-keys.ts";
import { interruptible, Visit, type VisitOptions } from "./visit.ts";

type Options = VisitOptions & {
  host: string;
  sshConfig?: string;
  scheduler?: SchedulerName;
  pbsDialect?: PbsDialect;
  tunnel: "controller" | "direct";
  address?: string;
  controllerHost?: string;
  portRange?: string;
  installDirectory?: string;
  partition?: string;
  account?: string;
  qos?: string;
  time?: string;
  force?: true;
};

const EXAMPLES = `
Examples:
  berth resource add hpc --host alice@login.example.org
  berth resource add hpc --host hpc --scheduler slurm --partition main --time 8h
  berth resource add big --host big --tunnel direct --address ws.example.org

The host is read as ssh reads it: an alias of ~/.ssh/config with its ProxyJump,
IdentityFile, Port and User. On first contact the host's key is shown and must
be accepted; without a terminal, by --accept-host-key.`;

export const addCommand = (): Command =>
  new Command("add")
    .description("set up a cluster: look at it, and write it into resources.yaml")
    .argument("<name>", "what to call it: a-z, 0-9, '.', '_' and '-'")
    .requiredOption("--host <host>", "its controller node: an ssh alias, or user@host")
    .option("--ssh-config <file>", "an ssh configuration in place of ~/.ssh/config")
    .addOption(new Option("--scheduler <name>", "which it has; detected without it").choices(SCHEDULERS))
    .addOption(
      new Option("--pbs-dialect <name>", "which qsub it has; detected without it").choices(PBS_DIALECTS),
    )
    .addOption(
      new Option("--tunnel <way>", "how its nodes reach this workspace")
        .choices(["controller", "direct"])
        .default("controller"),
    )
    .option("--address <host>", "where the nodes reach this workspace, with --tunnel direct")
    .option("--controller-host <host>", "what the nodes call the controller; its host name without it")
    .option("--port-range <first-last>", "ports that services may take on a node")
    .option("--install-directory <path>", "where services install software; ~/.berth/software without it")
    .option("--partition <name>", "the partition or queue of a launch that names none")
    .option("--account <name>", "the account of a launch that names none")
    .option("--qos <name>", "the quality of service of a launch that names none")
    .option("--time <walltime>", "the walltime of a launch that names none")
    .option(
      "--accept-host-key <fingerprint>",
      "accept a host's key, SHA256:…; repeatable",
      collectFingerprint,
    )
    .option("--with-job", "look from a node too, by a job of one minute, for at most 90 s")
    .option("--force", "write it down although something is wrong")
    .option("--json", "print JSON")
    .addHelpText("after", EXAMPLES)
    .action((name: string, options: Options) => interruptible((signal) => add(name, options, signal)));

async function add(name: string, options: Options, signal: AbortSignal): Promise<void> {
  const config = readConfig(process.env);
  const file = new ResourcesFile(config.home);
  check(name, entryOf(options, "none"));
  await mustRead(options.sshConfig);
  await mustBeFree(file, name);
  await makeHome(config.home);

  const { scheduler, findings } = await look(name, options, { config, options, signal });
  const isWritten = scheduler !== undefined && (options.force === true || !hasErrors(findings));
  if (isWritten) await file.add(name, entryOf(options, scheduler));
  if (options.json === true) printJson({ name, scheduler: scheduler ?? null, findings, isWritten });
  else if (isWritten) process.stdout.write(`${name} is in ${file.path} (${scheduler}).\n`);
  if (!isWritten) {
    process.exitCode = 1;
    const force = scheduler === undefined ? "--scheduler and --force" : "--force";
    process.stderr.write(
      `${name} is not added. Mend what is marked ✕, or have it added as it is by ${force}.\n`,
    );
  }
}

/** Connects, finds out the scheduler unless it was said, and has the doctor look at the rest. */
async function look(
  name: string,
  options: Options,
  circumstances: ConstructorParameters<typeof Visit>[2],
): Promise<{ scheduler: SchedulerName | undefined; findings: Finding[] }> {
  const { scheduler: said } = options;
  const provisional = ResourceDefinition.parse(entryOf(options, said ?? "none"));
  await using visit = new Visit(name, provisional, circumstances);
  const contact = await visit.examine(provisional, CONTACT);
  if (hasErrors(contact)) return { scheduler: said, findings: contact };
  const found = said ?? (await schedulerOf(visit, circumstances.signal));
  if (typeof found !== "string") return { scheduler: undefined, findings: [...contact, visit.show(found)] };
  const rest = await visit.examine(ResourceDefinition.parse(entryOf(options, found)), NEEDS);
  return { scheduler: found, findings: [...contact, ...rest] };
}

async function schedulerOf(visit: Visit, signal: AbortSignal): Promise<SchedulerName | Finding> {
  visit.begin("looking for a scheduler");
  try {
    return choose(await detect(visit.connection, signal));
  } catch (cause) {
    signal.throwIfAborted();
    if (!(cause instanceof CannotAsk)) throw cause;
    return error(`the scheduler cannot be detected: ${cause.message}`, "Say which it is: --scheduler.");
  }
}

/** The options as the file spells them; what was not said is left out. */
function entryOf(options: Options, scheduler: SchedulerName): ResourceEntry {
  const { host, sshConfig, pbsDialect, controllerHost, portRange, installDirectory } = options;
  const { partition, account, qos, time: walltime, tunnel, address } = options;
  const defaults = said({ partition, account, qos, walltime });
  if (tunnel === "controller" && address !== undefined)
    throw new BerthError("invalid_request", "Cannot use --address without --tunnel direct");
  if (tunnel === "direct" && address === undefined)
    throw new BerthError(
      "invalid_request",
      "Cannot use --tunnel direct without --address: say where the nodes reach this workspace",
    );
  return {
    host,
    ...(sshConfig !== undefined && { sshConfig: resolve(sshConfig) }),
    scheduler,
    ...said({ pbsDialect, controllerHost, portRange, installDirectory }),
    ...(address !== undefined && { tunnel: { via: "direct", address } }),
    ...(Object.keys(defaults).length > 0 && { defaults }),
  };
}

type Said<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

/** The fields that have a value. */
const said = <Fields extends Record<string, unknown>>(fields: Fields): Said<Fields> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Said<Fields>;

/** @throws BerthError `invalid_request` that names the option */
function check(name: string, entry: ResourceEntry): void {
  const named = ResourceName.safeParse(name);
  if (!named.success)
    throw new BerthError(
      "invalid_request",
      `Cannot add "${plain(name)}": the name ${named.error.issues[0]?.message ?? "cannot be used"}`,
    );
  const parsed = ResourceDefinition.safeParse(entry);
  if (!parsed.success) throw invalid("invalid_request", parsed.error);
}

async function mustRead(path: string | undefined): Promise<void> {
  if (path === undefined) return;
  await access(path).catch((cause: unknown) => {
    throw new BerthError("invalid_request", `Cannot read the ssh configuration ${path}`, { cause });
  });
}

/** Before anything is asked of a cluster that could not be written down. */
async function mustBeFree(file: ResourcesFile, name: string): Promise<void> {
  const { definitions, faults } = await file.read();
  const fault = faults.find((one) => one.name === null || one.name === name);
  if (fault !== undefined)
    throw new BerthError("invalid_request", `Cannot add "${name}": ${file.describe(fault)}`);
  if (definitions.has(name))
    throw new BerthError(
      "invalid_request",
      `Cannot add "${name}": ${file.path} has it already. Edit it there, or run: berth resource remove ${name}`,
    );
}
