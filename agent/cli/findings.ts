import type { Finding } from "../finding.ts";
import { plain } from "./output.ts";

const MARKS = { ok: "✓", warning: "!", error: "✕" } as const satisfies Record<Finding["level"], string>;

/** A finding for a person: its mark and what was found, below that what to do. */
export function findingText({ level, title, remedy }: Finding): string {
  const lines = (remedy ?? "").split("\n").filter((line) => line !== "");
  return [`${MARKS[level]} ${plain(title)}`, ...lines.map((line) => `    ${plain(line)}`), ""].join("\n");
}

/** A doctor's command fails when anything it found is an error. */
export const hasErrors = (findings: readonly Finding[]): boolean =>
  findings.some(({ level }) => level === "error");
