import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { join } from "node:path";

/** The log is begun anew past this size; the one before is kept as `agent.log.1`. Bytes. */
const LOG_LIMIT = 5_242_880;

export const agentLogPath = (home: string): string => join(home, "run", "agent.log");

/** Opens `run/agent.log` for an agent that runs in the background. */
export async function openAgentLog(home: string): Promise<FileHandle> {
  const path = agentLogPath(home);
  const size = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (size > LOG_LIMIT) await rename(path, `${path}.1`);
  return open(path, "a", 0o600);
}
