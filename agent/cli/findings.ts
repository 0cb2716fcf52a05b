import type { Finding } from "../finding.ts";
import { hanging } from "./hanging.ts";
import { plain } from "./output.ts";

const MARKS = { ok: "✓", warning: "!", error: "✕" } as const satisfies Record<Finding["level"], string>;

/**
 * A finding for a person: its mark and what was found, below that what to do.
 * @param columns of the terminal; undefined where there is none
 */
export function findingText({ level, title, remedy }: Finding, columns: number | undefined): string {
  const lines = (remedy ?? "").split("\n").filter((line) => line !== "");
  return [
    hanging(`${MARKS[level]} `, plain(title), columns),
    ...lines.map((line) => hanging("    ", plain(line), columns)),
    "",
  ].join("\n");
}

/** A doctor's command fails when anything it found is an error. */
export const hasErrors = (findings: readonly Finding[]): boolean =>
  findings.some(({ level }) => level === "error");
