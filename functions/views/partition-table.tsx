import type { Child } from "hono/jsx";
import { spellMemory } from "../../contract/memory.ts";
import type { Partition, ResourceView } from "../../contract/resource.ts";
import { spellWalltime } from "../../contract/walltime.ts";
import { counted } from "./where.tsx";

/** How many of a kind are free: `6 of 8 a100`, or `8 a100 in all` where that is not told. */
const freeOf = ({ total, free }: { total: number; free: number | null }, kind?: string): string => {
  const all = kind === undefined ? String(total) : `${total} ${kind}`;
  return free === null ? `${all} in all` : `${free} of ${all}`;
};

/** What a partition has in a few words, as a list of choices has room for: `6 of 8 nodes free, up to 24 h`. */
export function partitionText(partition: Partition): string {
  const { state, nodes, maxWalltime, gpus } = partition;
  const size =
    nodes === null
      ? null
      : nodes.free === null
        ? counted(nodes.total, "node")
        : `${nodes.free} of ${counted(nodes.total, "node")} free`;
  const facts = [
    state === "up" ? null : state,
    size,
    maxWalltime === null ? null : `up to ${spellWalltime(maxWalltime)}`,
    gpus.length === 0 ? null : "GPUs",
  ].filter((fact) => fact !== null);
  return facts.length === 0 ? partition.name : `${partition.name} — ${facts.join(", ")}`;
}

function Limit({ partition }: { partition: Partition }): Child {
  const { maxWalltime, defaultWalltime } = partition;
  if (maxWalltime === null && defaultWalltime === null) return "—";
  return (
    <>
      {maxWalltime === null ? "no limit known" : `up to ${spellWalltime(maxWalltime)}`}
      {defaultWalltime === null ? null : <small>{spellWalltime(defaultWalltime)} unless asked for</small>}
    </>
  );
}

function PerNode({ partition }: { partition: Partition }): Child {
  const { cpusPerNode, memoryPerNode } = partition;
  const parts = [
    cpusPerNode === null ? null : counted(cpusPerNode, "CPU"),
    memoryPerNode === null ? null : spellMemory(memoryPerNode),
  ].filter((part) => part !== null);
  return parts.length === 0 ? "—" : parts.join(", ");
}

const TITLES = ["Partition", "State", "Nodes free", "Time", "A node has", "GPUs free"] as const;

/** A cell that says what it is where a narrow window leaves no room for the head of the table. */
const Cell = ({ title, off, children }: { title: string; off?: boolean; children: Child }) => (
  <td data-title={title} {...(off === true ? { class: "off" } : {})}>
    {children}
  </td>
);

const Row = ({ partition }: { partition: Partition }) => (
  <tr>
    <th scope="row">
      {partition.name}
      {partition.isDefault ? <small>default</small> : null}
    </th>
    <Cell title={TITLES[1]} off={partition.state !== "up"}>
      {partition.state}
      {partition.reason === null ? null : <small>{partition.reason}</small>}
    </Cell>
    <Cell title={TITLES[2]}>{partition.nodes === null ? "—" : freeOf(partition.nodes)}</Cell>
    <Cell title={TITLES[3]}>
      <Limit partition={partition} />
    </Cell>
    <Cell title={TITLES[4]}>
      <PerNode partition={partition} />
    </Cell>
    <Cell title={TITLES[5]}>
      {partition.gpus.length === 0 ? "—" : partition.gpus.map((gpu) => <div>{freeOf(gpu, gpu.type)}</div>)}
    </Cell>
  </tr>
);

/** A cluster's partitions. */
export const PartitionTable = ({ resource }: { resource: ResourceView }) => (
  <div class="scroll" tabindex={0} role="region" aria-label={`Partitions of ${resource.name}`}>
    <table>
      <thead>
        <tr>
          {TITLES.map((title) => (
            <th scope="col">{title === "Partition" && resource.scheduler === "pbs" ? "Queue" : title}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {resource.partitions.map((partition) => (
          <Row partition={partition} />
        ))}
      </tbody>
    </table>
  </div>
);
