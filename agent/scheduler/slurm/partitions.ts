import type { Partition } from "../../../contract/resource.ts";
import type { Shell } from "../../ssh/shell.ts";
import { parseClock } from "../duration.ts";
import { cannotAsk, slurm } from "./command.ts";

/** Wide enough for any value, and none holds a space. `GresUsed` is the last, since older versions lack it. */
const FIELDS = [
  "Partition:128",
  "Available:16",
  "Time:32",
  "DefaultTime:32",
  "Nodes:16",
  "StateLong:32",
  "CPUs:16",
  "Memory:32",
  "Gres:256",
];
const USED = "GresUsed:256";

/** Nodes of one partition that are alike in everything. */
type Row = {
  partition: string;
  available: string;
  maxTime: string;
  defaultTime: string;
  nodes: number;
  state: string;
  cpus: number;
  memory: number;
  gres: string;
  /** Undefined where the version does not tell. */
  gresUsed: string | undefined;
};

/** `4+` means "4 and more". */
const number = (text: string | undefined): number => Number.parseInt(text ?? "", 10) || 0;

function parseRow(line: string): Row | undefined {
  const [partition, available, maxTime, defaultTime, nodes, state, cpus, memory, gres, gresUsed] = line
    .trim()
    .split(/\s+/);
  if (partition === undefined || gres === undefined) return undefined;
  return {
    partition,
    available: available ?? "",
    maxTime: maxTime ?? "",
    defaultTime: defaultTime ?? "",
    nodes: number(nodes),
    state: state ?? "",
    cpus: number(cpus),
    memory: number(memory),
    gres,
    gresUsed,
  };
}

/**
 * The GPUs among a node's generic resources, by type: `gpu:a100:4(S:0-1),gpu:2,nic:1`.
 * Used ones end in `(IDX:0,2)`, which holds commas too.
 */
function gpusOf(gres: string): [type: string, count: number][] {
  return gres
    .replaceAll(/\([^)]*\)/g, "")
    .split(",")
    .map((one) => one.split(":"))
    .filter(([name]) => name === "gpu")
    .map((parts) => [parts.length > 2 ? (parts[1] ?? "gpu") : "gpu", number(parts.at(-1))]);
}

const STATES: Readonly<Record<string, Partition["state"]>> = {
  up: "up",
  down: "down",
  drain: "draining",
  inact: "inactive",
  inactive: "inactive",
};

const REASONS: Readonly<Record<Partition["state"], string | null>> = {
  up: null,
  down: "It takes jobs but starts none",
  draining: "It takes no new jobs",
  inactive: "It takes no jobs and starts none",
};

/** States with nodes that run jobs or can; `*` behind it: the node does not respond. */
const USABLE = /^(?:idle|mixed|allocated|completing|planned|reserved)[^*]*$/;
const IDLE = /^idle[^*]*$/;

function gpus(rows: readonly Row[]): Partition["gpus"] {
  const found = new Map<string, { type: string; total: number; free: number | null }>();
  for (const row of rows) {
    const used = row.gresUsed === undefined ? undefined : new Map(gpusOf(row.gresUsed));
    for (const [type, count] of gpusOf(row.gres)) {
      const gpu = found.get(type) ?? { type, total: 0, free: 0 };
      gpu.total += count * row.nodes;
      if (used === undefined) gpu.free = null;
      else if (gpu.free !== null && USABLE.test(row.state))
        gpu.free += Math.max(0, count - (used.get(type) ?? 0)) * row.nodes;
      found.set(type, gpu);
    }
  }
  return [...found.values()];
}

const sum = (rows: readonly Row[]): number => rows.reduce((total, { nodes }) => total + nodes, 0);

/** The most memory of a node. 1 MiB is what Slurm says where nobody has configured it, slurm.conf(5) RealMemory. */
function memoryOf(rows: readonly Row[]): number | null {
  const most = Math.max(...rows.map(({ memory }) => memory));
  return most > 1 ? most : null;
}

function toPartition(rows: readonly [Row, ...Row[]]): Partition {
  const [{ partition: printed, available, maxTime, defaultTime }] = rows;
  const total = sum(rows);
  const asleep = !rows.some(({ state }) => USABLE.test(state));
  const state = STATES[available] ?? "down";
  return {
    name: printed.replace(/\*$/, ""),
    isDefault: printed.endsWith("*"),
    state: state === "up" && asleep ? "down" : state,
    reason: state === "up" && asleep ? "None of its nodes is available" : REASONS[state],
    maxWalltime: parseClock(maxTime) ?? null,
    defaultWalltime: parseClock(defaultTime) ?? null,
    nodes: { total, free: sum(rows.filter((row) => IDLE.test(row.state))) },
    cpusPerNode: Math.max(...rows.map(({ cpus }) => cpus)) || null,
    memoryPerNode: memoryOf(rows),
    gpus: gpus(rows),
  };
}

/** Reads what `sinfo --noheader --exact -O` prints: several rows for each partition. Free nodes are idle as a whole. */
export function parsePartitions(text: string): Partition[] {
  const rows = text
    .split("\n")
    .map(parseRow)
    .filter((row) => row !== undefined);
  return [...Map.groupBy(rows, (row) => row.partition).values()].map(([first, ...rest]) => {
    if (first === undefined) throw new TypeError("a group without a member");
    return toPartition([first, ...rest]);
  });
}

/** The partitions that the user may see, as `sinfo` tells of them. @throws CannotAsk */
export async function listPartitions(shell: Shell): Promise<Partition[]> {
  const sinfo = async (fields: readonly string[]) =>
    slurm(shell, ["sinfo", "--noheader", "--exact", `--Format=${fields.join(",")}`]);
  let answer = await sinfo([...FIELDS, USED]);
  if (answer.code !== 0 && /format specification/i.test(answer.stderr)) answer = await sinfo(FIELDS);
  if (answer.code !== 0) throw cannotAsk("sinfo", answer);
  return parsePartitions(answer.stdout);
}
