import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openAgentLog } from "./agent-log.ts";
import { agentEnvironment } from "./allocator.ts";

export const PROGRAM = join(import.meta.dirname, "main.ts");

/** What an agent in the background tells the command that has started it. */
const ONLINE = "online";

/** An edge that has not welcomed the agent by then is away; the agent goes on trying. Milliseconds. */
const ONLINE_TIMEOUT_MS = 10_000;

/** How the start went: the link is up; the edge does not answer yet; or the process has ended at once. */
export type Detached = { state: "online" | "waiting"; pid: number } | { state: "ended"; code: number | null };

/** Starts the agent as a process in a session of its own (setsid(2)), which outlives the terminal and this process. */
export async function startDetached(home: string): Promise<Detached> {
  await using log = await openAgentLog(home);
  const child = spawn(process.execPath, [PROGRAM, "up"], {
    cwd: home,
    detached: true,
    env: agentEnvironment(process.env),
    stdio: ["ignore", log.fd, log.fd, "ipc"],
  });
  const timeout = new AbortController();
  try {
    return await Promise.race([online(child), ended(child), late(child, timeout.signal)]);
  } finally {
    timeout.abort();
    if (child.connected) child.disconnect();
    child.unref();
  }
}

const pidOf = (child: ChildProcess): number => child.pid ?? 0;

async function online(child: ChildProcess): Promise<Detached> {
  await once(child, "message");
  return { state: "online", pid: pidOf(child) };
}

async function ended(child: ChildProcess): Promise<Detached> {
  const [code] = (await once(child, "exit")) as [number | null];
  return { state: "ended", code };
}

async function late(child: ChildProcess, signal: AbortSignal): Promise<Detached> {
  await delay(ONLINE_TIMEOUT_MS, undefined, { signal });
  return { state: "waiting", pid: pidOf(child) };
}

/** Tells the command that has started this process in the background, if one still listens. */
export function tellOnline(): void {
  if (process.connected) process.send?.(ONLINE, () => process.disconnect());
}
