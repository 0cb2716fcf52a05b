import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** The live processes of a session, by the id in their environment: none may be left after its end. */
export async function processesOf(sessionId: string): Promise<{ pid: number; command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const environment = await readFile(join("/proc", entry, "environ"), "utf8").catch(() => "");
    if (!environment.split("\0").includes(`BERTH_SESSION_ID=${sessionId}`)) continue;
    const command = await readFile(join("/proc", entry, "cmdline"), "utf8").catch(() => "");
    found.push({ pid: Number(entry), command: command.replaceAll("\0", " ").trim() });
  }
  return found;
}
