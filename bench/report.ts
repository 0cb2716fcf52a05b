import type { Machine } from "./machine.ts";
import type { FailedRow, Row } from "./row.ts";
import { judge } from "./row.ts";
import { markdownTable, textTable } from "./table.ts";

type Report = (machine: Machine, rows: readonly (Row | FailedRow)[]) => string;

function heading(machine: Machine): string {
  const { at, cores, cpu, memory, kernel, node, workerd, peer, load } = machine;
  return [
    `${at.slice(0, 16).replace("T", " ")} UTC, ${cores} cores (${cpu}), ${memory} GiB, Linux ${kernel}`,
    `Node ${node}, workerd ${workerd}, configurable-http-proxy ${peer}; load average before the run ${load.toFixed(2)}`,
  ].join("\n");
}

export const textReport: Report = (machine, rows) => `${heading(machine)}\n\n${textTable(rows)}`;

export const markdownReport: Report = (machine, rows) => `${heading(machine)}\n\n${markdownTable(rows)}`;

export const jsonReport: Report = (machine, rows) =>
  JSON.stringify(
    {
      machine,
      rows: rows.map((row) => ("failed" in row ? row : { ...row, judgement: judge(row) })),
    },
    null,
    2,
  );
