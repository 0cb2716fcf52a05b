import { error, type Finding } from "../../finding.ts";
import type { Scheduler } from "../../scheduler/scheduler.ts";
import type { SshConnection } from "../../ssh/connection.ts";
import type { PresentedHostKey } from "../../ssh/host-key.ts";
import type { CommandResult, RunOptions } from "../../ssh/shell.ts";
import { SshError } from "../../ssh/trouble.ts";
import type { ResourceDefinition } from "../resource-definition.ts";

/** A cluster that is looked at. */
export type Patient = {
  name: string;
  definition: ResourceDefinition;
  connection: Pick<SshConnection, "connect" | "run" | "forward" | "hostKey">;
  /** Undefined where there is none, and only the controller runs sessions. */
  scheduler: Scheduler | undefined;
  /** Whether the user takes a key that is not known, or no longer the one that is; it is known from then on. */
  acceptHostKey: (key: PresentedHostKey) => Promise<boolean>;
  /** The command that accepts a host key on purpose. */
  acceptCommand: (fingerprint: string) => string;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Whether a job may be submitted to look from a node. */
  withJob: boolean;
  signal: AbortSignal;
};

/** `what` is what it does, for somebody who waits. After a failed vital one the others would only say the same again. */
export type ResourceCheck = {
  what: string;
  isVital?: true;
  examine: (patient: Patient) => Promise<Finding[]>;
};

/** Long enough for a loaded login node, milliseconds. */
const PATIENCE_MS = 30_000;

/** Runs a command on the controller, in English. @throws CannotAsk */
export const runOn = (
  { connection, signal }: Patient,
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<CommandResult> =>
  connection.run(["env", "LC_ALL=C", ...argv], { timeoutMs: PATIENCE_MS, signal, ...options });

/**
 * Bash for a script. Started with -c and by sshd, however indirectly, it would read ~/.bashrc once more (bash(1),
 * INVOCATION) and print what that prints.
 */
export const BASH = ["bash", "--norc", "-c"] as const;

/** What a command said, in one line that is short enough for a finding. */
export const saidBy = ({ stdout, stderr }: CommandResult): string =>
  `${stderr} ${stdout.toString("utf8")}`.replaceAll(/\s+/g, " ").trim().slice(0, 300);

/** The key for which a connection was refused and which the user may accept; undefined when that is not why. */
export function acceptableKey(cause: unknown): PresentedHostKey | undefined {
  if (!(cause instanceof SshError)) return undefined;
  const { trouble, hostKey } = cause;
  return trouble === "host_key_unknown" || trouble === "host_key_changed" ? hostKey : undefined;
}

/** What is wrong with a host as a finding: the trouble's own words, and its remedy for this host. */
export function troubleFinding(cause: unknown, patient: Patient): Finding {
  const message = cause instanceof Error ? cause.message : String(cause);
  const key = acceptableKey(cause);
  if (key !== undefined) {
    const isFirst = key.known.length === 0;
    const condition = isFirst ? "If it is right" : "Ask the host's administrators. If the new key is right";
    return error(message, `${condition}, accept it on purpose:\n${patient.acceptCommand(key.fingerprint)}`);
  }
  if (cause instanceof SshError) return error(message, cause.remedyFor(patient.definition.host));
  return error(message, "Try again; if it stays, look at the host by ssh.");
}
