import { readFile } from "node:fs/promises";

/** A child of a process, as proc_pid_stat(5) and proc_pid_io(5) tell of it. */
export type Child = { pid: number; name: string; written: number };

/** The living children of a process; `written` counts the bytes that each has given to write(2). */
export async function childrenOf(pid: number): Promise<Child[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const pids = list.split(" ").filter(Boolean).map(Number);
  const found = await Promise.all(
    pids.map(async (child) => {
      const [name, io] = await Promise.all([
        readFile(`/proc/${child}/comm`, "utf8").catch(() => ""),
        readFile(`/proc/${child}/io`, "utf8").catch(() => ""),
      ]);
      return { pid: child, name: name.trim(), written: Number(/wchar: (\d+)/.exec(io)?.[1] ?? 0) };
    }),
  );
  return found.filter(({ name }) => name !== "");
}

/** Resident memory in MiB. */
export async function residentMemory(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}
