import type { FailedRow, Judgement, Row, Wanted } from "./row.ts";
import { judge } from "./row.ts";
import { median } from "./statistics.ts";

const HEADINGS = ["measure", "unit", "Berth", "peer", "direct", "compared", "wanted", ""];

const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, useGrouping: false });
/** Three significant digits, but a whole number is never rounded to tens. */
const format = (value: number): string => (Math.abs(value) >= 1000 ? value.toFixed(0) : number.format(value));

const middle = (samples: readonly number[] | undefined): string =>
  samples === undefined ? "" : format(median(samples));

/** A ratio is to the peer, a difference to the direct way. */
const SPELLED: Record<Wanted["of"], (value: number) => string> = {
  ratio: (value) => `×${format(value)}`,
  difference: (value) => `${value < 0 ? "" : "+"}${format(value)}`,
  value: format,
};
const SIGN: Record<Wanted["at"], string> = { least: "≥", most: "≤" };

function compared({ wanted }: Row, judgement: Judgement | null): string {
  if (judgement === null || wanted === null) return "";
  const { value, low, high } = judgement;
  const spread = low === high ? "" : `(${format(low)}–${format(high)})`;
  // A value by itself stands in Berth's own column.
  return wanted.of === "value" ? spread : `${SPELLED[wanted.of](value)} ${spread}`.trimEnd();
}

function cells(row: Row | FailedRow): string[] {
  if ("failed" in row) return [row.measure, "", "", "", "", row.failed.split("\n")[0] ?? "", "", "MISS"];
  const judgement = judge(row);
  const { wanted, samples } = row;
  return [
    row.measure,
    row.unit,
    middle(samples.berth),
    middle(samples.peer),
    middle(samples.direct),
    compared(row, judgement),
    wanted === null ? "" : `${SIGN[wanted.at]} ${SPELLED[wanted.of](wanted.limit)}`,
    judgement === null ? "" : judgement.pass ? "pass" : "MISS",
  ];
}

const isNumeric = (column: number): boolean => column > 1 && column < 5;

/** Rows as lines of text in columns. */
export function textTable(rows: readonly (Row | FailedRow)[]): string {
  const lines = [HEADINGS, ...rows.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    isNumeric(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return lines.map((line) => line.map(pad).join("  ").trimEnd()).join("\n");
}

/** Rows as a table of Markdown. */
export function markdownTable(rows: readonly (Row | FailedRow)[]): string {
  const rule = HEADINGS.map((_, column) => (isNumeric(column) ? "---:" : "---"));
  return [HEADINGS, rule, ...rows.map(cells)].map((line) => `| ${line.join(" | ")} |`).join("\n");
}
