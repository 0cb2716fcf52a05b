import { constants } from "node:os";
import type { Outcome } from "./record.ts";

/** How a session's process ended. `unknown`: nobody was there to see it, and it left no word. */
export type Exit =
  | { how: "code"; code: number }
  | { how: "signal"; signal: NodeJS.Signals }
  | { how: "unknown" };

const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;
/** A shell's exit code for a program that a signal ended is this and the signal's number. */
const SIGNALED = 128;

const signalName = (code: number): string | undefined =>
  Object.entries(constants.signals).find(([, number]) => number === code - SIGNALED)?.[0];

/** The program that bash, dash, zsh or env did not find, as their messages name it. */
function missingProgram(lines: readonly string[]): string | undefined {
  const patterns = [
    /([^\s:'‘"]+): (?:command )?not found$/,
    /command not found: (\S+)$/,
    /[‘']?([^\s:'‘’]+)[’']?: No such file or directory$/,
  ];
  for (const line of lines.toReversed())
    for (const pattern of patterns) {
      const name = pattern.exec(line)?.[1];
      if (name !== undefined) return name;
    }
  return undefined;
}

function reason(exit: Exit, lines: readonly string[], ready: boolean): string {
  const early = ready ? "" : " before it was ready";
  if (exit.how === "unknown")
    return `The service ended${early} without an exit code: it was killed, or the host restarted`;
  if (exit.how === "signal") return `The service was ended by ${exit.signal}${early}`;
  const { code } = exit;
  const name = signalName(code);
  const exited = `exited with code ${code}${name === undefined ? "" : ` (${name})`}${early}`;
  if (code === NOT_FOUND) {
    const program = missingProgram(lines);
    const what = program === undefined ? "A program" : `The program "${program}"`;
    return `${what} was not found on this host. Install it, or put it on PATH; the service ${exited}`;
  }
  if (code === NOT_EXECUTABLE) return `A program could not be executed: the service ${exited}`;
  return `The service ${exited}`;
}

/** An error message: what happened, then what the service said last. */
export function withLog(message: string, lines: readonly string[]): string {
  const inUse = lines.some((line) => /EADDRINUSE|address already in use/i.test(line));
  const hint = inUse
    ? "\nIts port was held for it alone: a server must set SO_REUSEADDR before it binds, and must use $service_port."
    : "";
  return lines.length === 0 ? message + hint : `${message}${hint}\n\n${lines.join("\n")}`;
}

/**
 * What a process's end makes of its session: a service that ran and ended with 0 is completed, everything else failed.
 * @param lines the log's last lines
 * @param ready whether it was ever ready
 */
export function outcomeOf(exit: Exit, lines: readonly string[], ready: boolean): Outcome {
  if (ready && exit.how === "code" && exit.code === 0)
    return { state: "completed", status: "Completed", error: "" };
  return { state: "failed", status: "Failed", error: withLog(reason(exit, lines, ready), lines) };
}
