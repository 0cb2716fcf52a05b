import type { Session } from "../../contract/session.ts";

/** Prints a value as JSON, for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints rows in columns as wide as their widest cell. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  for (const row of all) {
    const line = row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
    process.stdout.write(`${line.trimEnd()}\n`);
  }
}

/** Control characters in what a service says would steer the terminal. */
// oxlint-disable-next-line no-control-regex
export const plain = (text: string): string => text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ");

/** A session in words: its state, and what that is due to. */
export function stateText(session: Session): string {
  const state = session.reachable ? session.state : `${session.state} (not reachable)`;
  if (session.canceling) return `${state}, canceling`;
  if (session.state === "failed") return `${state}: ${plain(session.error.split("\n", 1)[0] ?? "")}`;
  return session.state === "starting" ? `${state}: ${plain(session.status)}` : state;
}
