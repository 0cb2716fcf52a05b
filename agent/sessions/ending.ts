import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ProcessId } from "../process-tree.ts";
import { endTree } from "../process-tree.ts";
import type { WorkspaceLaunch } from "./record.ts";
import type { SessionDirectory } from "./session-directory.ts";
import { currentBoot } from "./session-directory.ts";

/** Each of the kill scripts may take so long; milliseconds. */
const SCRIPT_MS = 10_000;
/** From TERM to KILL; milliseconds. */
const GRACE_MS = 5000;

/**
 * Runs kill.sh, which runs the service's kill_template.sh and then the session's cancel.sh. A TERM to its process group
 * ends the one that runs and lets the next begin.
 */
async function runKillScript(
  directory: SessionDirectory,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  await using log = await directory.log.open();
  const child = spawn("bash", [directory.file("kill.sh")], {
    cwd: directory.path,
    detached: true,
    env: environment,
    stdio: ["ignore", log.fd, log.fd],
  });
  const { pid } = child;
  if (pid === undefined) return void (await once(child, "error"));
  const tell = (name: NodeJS.Signals): void => {
    // Its group is gone once the last of it is; that is what was wanted.
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, name);
  };
  const timers = [
    setTimeout(tell, SCRIPT_MS, "SIGTERM"),
    setTimeout(tell, 2 * SCRIPT_MS, "SIGTERM"),
    setTimeout(tell, 2 * SCRIPT_MS + 1000, "SIGKILL"),
  ];
  const stop = (): void => tell("SIGKILL");
  signal.addEventListener("abort", stop, { once: true });
  try {
    await once(child, "exit");
  } finally {
    signal.removeEventListener("abort", stop);
    for (const timer of timers) clearTimeout(timer);
  }
}

/**
 * Ends what is left of a session: the kill scripts where it was `alive`, then TERM, then KILL, until nothing is found.
 * Repeatable.
 * @returns what could not be ended
 */
export async function endSession(
  directory: SessionDirectory,
  options: { launch: WorkspaceLaunch; alive: boolean; environment: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<ProcessId[]> {
  const { launch, alive, environment, signal } = options;
  if (alive) {
    await runKillScript(directory, environment, signal).catch((error: unknown) =>
      // Nor may the end wait for what only tells of it.
      directory.log.say(`the kill scripts could not run: ${String(error)}`).catch(() => undefined),
    );
    signal.throwIfAborted();
  }
  const leader = launch.boot === (await currentBoot()) ? await directory.leader() : undefined;
  return await endTree(directory.id, leader, { graceMs: GRACE_MS, signal });
}
