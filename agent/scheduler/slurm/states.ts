import { constants } from "node:os";
import type { JobEnd } from "../scheduler.ts";

/** What each state of Slurm (squeue(1), sacct(1): JOB STATE CODES) means here. An ended one with a sentence for it. */
const STATES: Readonly<Record<string, "queued" | "running" | { how: JobEnd["how"]; sentence: string }>> = {
  PENDING: "queued",
  REQUEUED: "queued",
  REQUEUE_FED: "queued",
  REQUEUE_HOLD: "queued",
  RESV_DEL_HOLD: "queued",
  SPECIAL_EXIT: "queued",
  CONFIGURING: "running",
  RUNNING: "running",
  COMPLETING: "running",
  SUSPENDED: "running",
  STOPPED: "running",
  RESIZING: "running",
  SIGNALING: "running",
  STAGE_OUT: "running",
  COMPLETED: { how: "completed", sentence: "It ran to its end" },
  FAILED: { how: "failed", sentence: "It failed" },
  TIMEOUT: { how: "timeout", sentence: "Slurm ended it at its time limit" },
  DEADLINE: { how: "timeout", sentence: "Slurm ended it at its deadline" },
  OUT_OF_MEMORY: { how: "out_of_memory", sentence: "It was ended because it ran out of memory" },
  NODE_FAIL: { how: "node_failure", sentence: "A node it ran on failed" },
  BOOT_FAIL: { how: "node_failure", sentence: "A node it should have run on did not boot" },
  LAUNCH_FAILED: { how: "node_failure", sentence: "It could not be started on its node" },
  RECONFIG_FAIL: { how: "node_failure", sentence: "A node it should have run on could not be set up" },
  PREEMPTED: { how: "canceled", sentence: "Slurm ended it in favor of a job of a higher priority" },
  CANCELLED: { how: "canceled", sentence: "It was canceled" },
  REVOKED: { how: "canceled", sentence: "Another cluster of the federation took it" },
};

/** A state as Slurm prints it. sacct(1) appends who canceled it (`CANCELLED by 1000`) or cuts it short (`CANCELLED+`). */
export const stateOf = (printed: string) => STATES[/^[A-Z_]*/.exec(printed)?.[0] ?? ""];

/** What a job's script ended with: by itself, or by a signal where that is not 0. */
export type ExitStatus = { code: number; signal: number };

/** Reads a status as wait(2) gives it: what squeue prints. */
export const fromWaitStatus = (status: number): ExitStatus => ({
  code: (status >> 8) & 0xff,
  signal: status & 0x7f,
});

/** Slurm's own way to say that it could not open the job's files or start its script. */
const NOT_STARTED = 53;

const signalName = (signal: number): string =>
  Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`;

/** Reasons that only repeat the state. `JobLaunchFailure` is what Slurm gives for any signal. */
const SAYS_NOTHING = new Set(["", "None", "(null)", "NonZeroExitCode", "JobLaunchFailure", "TimeLimit"]);

function sentenceOf(state: string, sentence: string, exit: ExitStatus | undefined): string {
  if (!state.startsWith("FAILED") || exit === undefined) return sentence;
  if (exit.signal === NOT_STARTED) return "Slurm could not start its script or open its log file";
  if (exit.signal !== 0) return `${sentence}: ended by ${signalName(exit.signal)}`;
  return `${sentence} with exit code ${exit.code}`;
}

/**
 * The end of a job in words.
 * @param told.state as Slurm prints it
 * @param told.reason Slurm's own, where it has one
 * @param told.by who canceled it
 * @returns undefined where the state is not one of an ended job
 */
export function endOf(told: {
  state: string;
  exit?: ExitStatus | undefined;
  reason?: string;
  by?: string | undefined;
}): JobEnd | undefined {
  const found = stateOf(told.state);
  if (found === undefined || typeof found === "string") return undefined;
  const { exit, by, reason = "" } = told;
  const sentence = sentenceOf(told.state, found.sentence, exit) + (by === undefined ? "" : ` by ${by}`);
  const own = SAYS_NOTHING.has(reason) ? told.state.split(" ")[0] : reason;
  // After a signal Slurm's exit code is not the script's.
  const exited = exit?.signal === 0 && (found.how === "completed" || found.how === "failed");
  return {
    kind: "ended",
    how: found.how,
    ...(exited ? { exitCode: exit.code } : {}),
    reason: `${sentence} (${own})`,
  };
}
