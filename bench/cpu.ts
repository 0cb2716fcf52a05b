import { readFileSync } from "node:fs";

/** Clock ticks a second, as Linux counts them for every process (proc_pid_stat(5); USER_HZ is 100 on every architecture in use). */
const TICKS = 100;

/** The processor time that a process has used so far, milliseconds, in user and kernel mode. */
export function cpuTime(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is the name in parentheses, which may hold anything; the third begins behind the last of them.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  return ((user + system) * 1000) / TICKS;
}
