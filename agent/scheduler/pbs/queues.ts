import type { Partition } from "../../../contract/resource.ts";
import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { type Answer, ask } from "../ask.ts";
import { parseClock } from "../duration.ts";
import type { PbsDialect } from "./dialect.ts";
import { outcomeOf } from "./exit-codes.ts";
import type { Attributes, Listing } from "./listing.ts";
import { readJson, readText } from "./listing.ts";
import { askNodes, type PbsNode } from "./nodes.ts";

type Argv = readonly [string, ...string[]];
type Format = { argv: Argv; read: (text: string) => Listing | undefined };

const QUEUES: Record<PbsDialect, Format> = {
  openpbs: { argv: ["qstat", "-Q", "-f", "-F", "json"], read: (text) => readJson(text, "Queue") },
  torque: { argv: ["qstat", "-Q", "-f", "-1"], read: (text) => readText(text, "torque") },
  slurm: { argv: ["qstat", "-Q", "-f"], read: (text) => readText(text, "slurm") },
};

/** What is left where a value of a queue spoils the JSON. */
const QUEUES_AS_TEXT: Format = {
  argv: ["qstat", "-Q", "-f", "-w"],
  read: (text) => readText(text, "openpbs"),
};

/** SchedMD's qstat has no server to tell of, and Slurm's default partition is nowhere in its words. */
const SERVER: Record<PbsDialect, Format | undefined> = {
  openpbs: { argv: ["qstat", "-B", "-f", "-F", "json"], read: (text) => readJson(text, "Server") },
  torque: { argv: ["qstat", "-B", "-f", "-1"], read: (text) => readText(text, "torque") },
  slurm: undefined,
};

const cannotAsk = (argv: Argv, { code, said }: Answer): CannotAsk =>
  new CannotAsk(`"${argv.join(" ")}" (exit ${code ?? "by a signal"}): ${said || "it cannot be read"}`);

async function askListing(shell: Shell, dialect: PbsDialect, format: Format): Promise<Listing | undefined> {
  const answer = await ask(shell, format.argv);
  if (outcomeOf(dialect, "qstat", answer.code, answer.said) !== "done") throw cannotAsk(format.argv, answer);
  return format.read(answer.stdout);
}

async function askQueues(shell: Shell, dialect: PbsDialect): Promise<Listing> {
  const listing = await askListing(shell, dialect, QUEUES[dialect]);
  if (listing !== undefined) return listing;
  return (await askListing(shell, dialect, QUEUES_AS_TEXT)) ?? new Map<string, Attributes>();
}

async function askDefaultQueue(shell: Shell, dialect: PbsDialect): Promise<string | undefined> {
  const format = SERVER[dialect];
  if (format === undefined) return undefined;
  const [server] = [...((await askListing(shell, dialect, format))?.values() ?? [])];
  return server?.get("default_queue");
}

const isYes = (text: string | undefined): boolean => /^(?:true|yes)$/i.test(text ?? "");

/** `enabled`: it takes jobs; `started`: it starts them. */
function stateOf(queue: Attributes): Pick<Partition, "state" | "reason"> {
  const [enabled, started] = [isYes(queue.get("enabled")), isYes(queue.get("started"))];
  if (enabled && started) return { state: "up", reason: null };
  if (enabled) return { state: "down", reason: "It takes jobs and does not start them" };
  if (started) return { state: "draining", reason: "It takes no new jobs" };
  return { state: "inactive", reason: "It neither takes nor starts jobs" };
}

/**
 * The nodes that serve a queue. Those bound to a queue serve it alone, the others every queue that has none of its own and
 * chooses by nothing.
 * @returns undefined where the queue chooses in a way that is not known here
 */
function nodesOf(name: string, queue: Attributes, nodes: readonly PbsNode[]): readonly PbsNode[] | undefined {
  if (/^route/i.test(queue.get("queue_type") ?? "")) return undefined;
  const bound = nodes.filter((node) => node.queue === name);
  if (bound.length > 0) return bound;
  const shared = nodes.filter((node) => node.queue === undefined);
  const property = queue.get("resources_default.neednodes") ?? queue.get("default_chunk.qlist");
  if (property !== undefined) return shared.filter((node) => node.properties.has(property));
  const chooses = [...queue.keys()].some((key) =>
    /^default_chunk\.(?!ncpus$|mem$|ngpus$|mpiprocs$)/.test(key),
  );
  return chooses || queue.has("acl_hosts") ? undefined : shared;
}

const largest = (values: readonly (number | undefined)[]): number | null => {
  const known = values.filter((value) => value !== undefined && value > 0);
  return known.length === 0 ? null : Math.max(...known.map(Number));
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function gpusOf(nodes: readonly PbsNode[]): Partition["gpus"] {
  const total = sum(nodes.map((node) => node.gpus));
  if (total === 0) return [];
  const free = nodes.map((node) => node.gpusFree);
  return [
    { type: "gpu", total, free: free.includes(undefined) ? null : sum(free.map((count) => count ?? 0)) },
  ];
}

type Figures = Pick<Partition, "nodes" | "cpusPerNode" | "memoryPerNode" | "gpus">;

function figuresOf(nodes: readonly PbsNode[] | undefined): Figures {
  if (nodes !== undefined)
    return {
      nodes: { total: nodes.length, free: nodes.filter((node) => node.isFree).length },
      cpusPerNode: largest(nodes.map((node) => node.cpus)),
      memoryPerNode: largest(nodes.map((node) => node.memory)),
      gpus: gpusOf(nodes),
    };
  return { nodes: null, cpusPerNode: null, memoryPerNode: null, gpus: [] };
}

const seconds = (text: string | undefined): number | null => parseClock(text ?? "") ?? null;

/** SchedMD's `resources_default.nodes` is how many nodes the partition has. */
function slurmFigures(queue: Attributes): Figures {
  const total = queue.get("resources_default.nodes") ?? "";
  return {
    ...figuresOf(undefined),
    nodes: /^\d+$/.test(total) ? { total: Number(total), free: null } : null,
  };
}

/**
 * The queues with what is told of them; nodes and the default queue are extras, which a site may not tell.
 * @throws CannotAsk when the queues cannot be asked for
 */
export async function askPartitions(shell: Shell, dialect: PbsDialect): Promise<Partition[]> {
  const queues = await askQueues(shell, dialect);
  const nodes = await askNodes(shell, dialect);
  const defaultQueue = await askDefaultQueue(shell, dialect).catch(() => undefined);
  return [...queues].map(([name, queue]) => ({
    name,
    isDefault: name === defaultQueue,
    ...stateOf(queue),
    maxWalltime: seconds(queue.get("resources_max.walltime")),
    defaultWalltime: seconds(queue.get("resources_default.walltime")),
    ...(dialect === "slurm"
      ? slurmFigures(queue)
      : figuresOf(nodes === undefined ? undefined : nodesOf(name, queue, nodes))),
  }));
}
