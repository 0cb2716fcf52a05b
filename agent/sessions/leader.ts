import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { ProcessId } from "../process-tree.ts";
import { findTree, isAlive } from "../process-tree.ts";
import type { Exit } from "./exit.ts";
import type { SessionDirectory } from "./session-directory.ts";
import { currentBoot } from "./session-directory.ts";

/** How soon the end of a process that is not our child is noticed; milliseconds. */
const LOOK_MS = 500;
/** How soon it is seen that a script that somebody spawned has got to its start lock; milliseconds. */
const LOCK_LOOK_MS = 20;

const UNKNOWN: Exit = { how: "unknown" };

/** What the script left behind tells more than what its parent saw. */
async function lastWord(directory: SessionDirectory, seen: Exit): Promise<Exit> {
  const code = await directory.exitCode();
  return code === undefined ? seen : { how: "code", code };
}

/** That it cannot be asked (out of files, say) does not mean that it is gone. */
function isGone(leader: ProcessId): boolean {
  try {
    return !isAlive(leader);
  } catch {
    return false;
  }
}

/** Waits for the end of a process that is not our child. */
async function adopt(directory: SessionDirectory, leader: ProcessId, signal: AbortSignal): Promise<Exit> {
  while (!isGone(leader)) await delay(LOOK_MS, undefined, { signal });
  return await lastWord(directory, UNKNOWN);
}

/** Who holds the start lock, also when its script is only on the way there. */
async function findLeader(directory: SessionDirectory, signal: AbortSignal): Promise<ProcessId | undefined> {
  for (;;) {
    const leader = await directory.leader();
    if (leader !== undefined) return leader;
    // Looked for before the lock is looked at again: it may get there in between.
    const isComing = (await findTree(directory.id)).length > 0;
    if (!isComing) return await directory.leader();
    await delay(LOCK_LOOK_MS, undefined, { signal });
  }
}

type Spawned = { pid: number | undefined; exit: Promise<Exit> };

/**
 * Spawns the script, detached: in a session of its own (setsid(2)), so that neither our end nor our terminal reaches it.
 * @returns undefined when it may not start
 */
async function start(
  directory: SessionDirectory,
  environment: NodeJS.ProcessEnv,
  mayStart: () => boolean,
): Promise<Spawned | undefined> {
  await using log = await directory.log.open();
  // No line between this and the spawn lets a cancel in.
  if (!mayStart()) return undefined;
  const child = spawn("bash", [directory.file("session.sh")], {
    cwd: directory.path,
    detached: true,
    env: environment,
    stdio: ["ignore", log.fd, log.fd],
  });
  child.unref();
  const { promise, resolve, reject } = Promise.withResolvers<Exit>();
  child.once("error", reject).once("exit", (code, signal) => {
    resolve(signal === null ? { how: "code", code: code ?? 0 } : { how: "signal", signal });
  });
  return { pid: child.pid, exit: promise };
}

/**
 * Sees to it that a session's script runs, once and for all: finds it where it runs or has run already, else starts it.
 * However many agents die on the way, the script's own lock lets one of its processes through.
 * @param options.isNew nobody but this call can have started it
 * @param options.mayStart asked in the same turn in which the process is spawned
 * @returns how it ended; undefined when it did not run and may not start
 * @throws Error when it cannot be started; the signal's reason
 */
export async function lead(
  directory: SessionDirectory,
  options: {
    boot: string;
    isNew: boolean;
    environment: NodeJS.ProcessEnv;
    mayStart: () => boolean;
    signal: AbortSignal;
  },
): Promise<Exit | undefined> {
  const { boot, isNew, environment, mayStart, signal } = options;
  const leader = isNew ? undefined : await findLeader(directory, signal);
  if (leader !== undefined)
    return boot === (await currentBoot())
      ? await adopt(directory, leader, signal)
      : await lastWord(directory, UNKNOWN);

  const spawned = await start(directory, environment, mayStart);
  if (spawned === undefined) return undefined;
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => stopped.reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    const exit = await Promise.race([spawned.exit, stopped.promise]);
    const holder = await directory.leader();
    // Another process was at the lock first: ours has changed nothing.
    if (holder !== undefined && holder.pid !== spawned.pid) return await adopt(directory, holder, signal);
    return await lastWord(directory, exit);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
