import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { Progress } from "./load/progress.ts";

const INTERVAL = 100;

/** A process's resident memory in MiB (proc_pid_status(5), VmRSS). */
function resident(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no resident memory`);
  return Number(kibibytes) / 1024;
}

/** The least resident memory over `milliseconds`, MiB: what the process needs when nothing happens. */
export async function idleMemory(pid: number, milliseconds: number): Promise<number> {
  let least = Infinity;
  for (let waited = 0; waited < milliseconds; waited += INTERVAL) {
    least = Math.min(least, resident(pid));
    await delay(INTERVAL);
  }
  return least;
}

/** Looks at a process's memory every 100 ms while a transfer goes on, until disposed. Peaks in MiB. */
export class MemoryWatch implements Disposable {
  /** While nothing moved. */
  stalled = 0;
  /** From the beginning to the end. */
  overall = 0;
  readonly #timer: NodeJS.Timeout;
  #before = -1;

  constructor(pid: number, progress: Progress) {
    this.#timer = setInterval(() => this.#look(resident(pid), progress.bytes), INTERVAL);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(memory: number, bytes: number): void {
    this.overall = Math.max(this.overall, memory);
    if (bytes === this.#before) this.stalled = Math.max(this.stalled, memory);
    this.#before = bytes;
  }
}
