import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { tryAsk } from "../ask.ts";
import type { PbsDialect } from "./dialect.ts";
import type { Attributes, Listing } from "./listing.ts";
import { readJson, readXml } from "./listing.ts";

/** A node as a queue's figures need it. Memory in MiB; `gpusFree` is undefined where it is not told. */
export type PbsNode = {
  isFree: boolean;
  cpus: number;
  memory: number | undefined;
  gpus: number;
  gpusFree: number | undefined;
  /** The only queue whose jobs it takes. */
  queue: string | undefined;
  /** What queues may choose it by: Torque's properties. */
  properties: ReadonlySet<string>;
};

const UNITS: Readonly<Record<string, number>> = {
  b: 2 ** -20,
  kb: 2 ** -10,
  mb: 1,
  gb: 2 ** 10,
  tb: 2 ** 20,
  pb: 2 ** 30,
};

/** A size of PBS (`8gb`, `102400kb`, bytes without a unit) in MiB, rounded down. */
function parseSize(text: string | undefined): number | undefined {
  const [, number, unit = ""] = /^(\d+)([kmgtp]?b)?$/i.exec(text ?? "") ?? [];
  if (number === undefined) return undefined;
  return Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? 2 ** -20));
}

const count = (text: string | undefined): number => (/^\d+$/.test(text ?? "") ? Number(text) : 0);

/** Nothing runs there and it takes jobs: `free` alone, with nothing assigned. */
const isIdle = (node: Attributes): boolean => node.get("state") === "free";

function openpbsNode(node: Attributes): PbsNode {
  const gpus = count(node.get("resources_available.ngpus"));
  return {
    isFree: isIdle(node) && count(node.get("resources_assigned.ncpus")) === 0,
    cpus: count(node.get("resources_available.ncpus") ?? node.get("pcpus")),
    memory: parseSize(node.get("resources_available.mem")),
    gpus,
    gpusFree: gpus - count(node.get("resources_assigned.ngpus")),
    queue: node.get("queue"),
    properties: new Set((node.get("resources_available.qlist") ?? "").split(",")),
  };
}

function torqueNode(node: Attributes): PbsNode {
  const status = new Map(
    (node.get("status") ?? "").split(",").map((item) => {
      const [name = "", ...value] = item.split("=");
      return [name, value.join("=")] as const;
    }),
  );
  return {
    isFree: isIdle(node) && !node.has("jobs"),
    cpus: count(node.get("np")),
    memory: parseSize(status.get("physmem")),
    gpus: count(node.get("gpus")),
    gpusFree: undefined,
    queue: undefined,
    properties: new Set((node.get("properties") ?? "").split(",")),
  };
}

type NodeFormat = {
  argv: readonly [string, ...string[]];
  read: (text: string) => Listing | undefined;
  node: (attributes: Attributes) => PbsNode;
};

/** SchedMD's `pbsnodes` does not say which partition a node is in. */
const FORMATS: Record<PbsDialect, NodeFormat | undefined> = {
  openpbs: {
    argv: ["pbsnodes", "-a", "-F", "json"],
    read: (text) => readJson(text, "nodes"),
    node: openpbsNode,
  },
  torque: { argv: ["pbsnodes", "-x"], read: (text) => readXml(text, "Node", "name"), node: torqueNode },
  slurm: undefined,
};

/** The nodes; undefined where they cannot be asked for or read, which some sites do not let users do. */
export async function askNodes(shell: Shell, dialect: PbsDialect): Promise<PbsNode[] | undefined> {
  const format = FORMATS[dialect];
  if (format === undefined) return undefined;
  const answer = await tryAsk(shell, format.argv);
  if (answer instanceof CannotAsk || answer.code !== 0) return undefined;
  const listing = format.read(answer.stdout);
  return listing === undefined
    ? undefined
    : [...listing.values()].map((attributes) => format.node(attributes));
}
