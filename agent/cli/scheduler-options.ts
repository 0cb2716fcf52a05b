import { type Command, InvalidArgumentError, Option } from "commander";
import { MEMORY_EXAMPLES, parseMemory } from "../../contract/memory.ts";
import type { SchedulerRequest } from "../../contract/session.ts";
import { parseWalltime, WALLTIME_EXAMPLES } from "../../contract/walltime.ts";

/** What a launch may say of its job, as commander collects it. */
export type SchedulerOptions = {
  partition?: string;
  account?: string;
  qos?: string;
  time?: number;
  nodes?: number;
  tasksPerNode?: number;
  cpus?: number;
  memory?: number;
  gpus?: number;
  exclusive?: true;
  directive?: string[];
};

function parseSeconds(text: string): number {
  const seconds = parseWalltime(text);
  if (seconds === undefined) throw new InvalidArgumentError(`Write it as ${WALLTIME_EXAMPLES}.`);
  return seconds;
}

function parseMebibytes(text: string): number {
  const mebibytes = parseMemory(text);
  if (mebibytes === undefined) throw new InvalidArgumentError(`Write it as ${MEMORY_EXAMPLES}.`);
  return mebibytes;
}

const count =
  (least: number) =>
  (text: string): number => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
    if (number < least) throw new InvalidArgumentError(`Write a whole number, ${least} or more.`);
    return number;
  };

const collect = (text: string, all: string[] = []): string[] => [...all, text];

const OPTIONS: readonly Option[] = [
  new Option("--partition <name>", "a partition or queue of the resource"),
  new Option("--account <name>", "whom the job is charged to"),
  new Option("--qos <name>", "a quality of service"),
  new Option("--time <walltime>", `when the scheduler may end it: ${WALLTIME_EXAMPLES}`).argParser(
    parseSeconds,
  ),
  new Option("--nodes <count>", "how many nodes").argParser(count(1)),
  new Option("--tasks-per-node <count>", "how many tasks on each").argParser(count(1)),
  new Option("--cpus <count>", "how many CPUs for each task").argParser(count(1)),
  new Option("--memory <size>", `how much memory on each node: ${MEMORY_EXAMPLES}`).argParser(parseMebibytes),
  new Option("--gpus <count>", "how many GPUs on each node").argParser(count(0)),
  new Option("--exclusive", "nobody else's job on its nodes"),
  new Option(
    "--directive <option>",
    "an option of the scheduler's own, such as --directive=--constraint=avx512; repeatable",
  ).argParser(collect),
];

/** Gives a command the options that say what the scheduler is asked for. */
export function addSchedulerOptions(command: Command): Command {
  for (const option of OPTIONS) command.addOption(option.helpGroup("What the scheduler is asked for:"));
  return command;
}

/** What was said of the job; undefined when nothing was. */
export function schedulerRequest(options: SchedulerOptions): SchedulerRequest | undefined {
  const { partition, account, qos, time, nodes, tasksPerNode, cpus, memory, gpus, exclusive, directive } =
    options;
  const request: SchedulerRequest = {
    ...(partition !== undefined && { partition }),
    ...(account !== undefined && { account }),
    ...(qos !== undefined && { qos }),
    ...(time !== undefined && { walltime: time }),
    ...(nodes !== undefined && { nodes }),
    ...(tasksPerNode !== undefined && { tasksPerNode }),
    ...(cpus !== undefined && { cpusPerTask: cpus }),
    ...(memory !== undefined && { memory }),
    ...(gpus !== undefined && { gpus }),
    ...(exclusive !== undefined && { exclusive }),
    ...(directive !== undefined && { directives: directive }),
  };
  return Object.keys(request).length === 0 ? undefined : request;
}
