import { randomUUID } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { identify, isAlive, type ProcessId, signalAll } from "../../agent/process-tree.ts";
import type { Outcome } from "./outcome.ts";

/** Names one run of the gate in the environment of everything that it starts. */
const VARIABLE = "GATE_RUN";
const mark = randomUUID();

export const markedEnvironment: Readonly<Record<string, string>> = { [VARIABLE]: mark };

/** What this run started and still lives, be it detached or adopted by init. */
async function find(): Promise<ProcessId[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const marked = await Promise.all(
    pids.map(async (pid) => {
      const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
      return environment.split("\0").includes(`${VARIABLE}=${mark}`) ? identify(pid) : undefined;
    }),
  );
  return marked.filter((one) => one !== undefined).filter(isAlive);
}

async function findAfter(graceMs: number): Promise<ProcessId[]> {
  const deadline = performance.now() + graceMs;
  for (;;) {
    const left = await find();
    if (left.length === 0 || performance.now() > deadline) return left;
    await delay(100);
  }
}

const commandLine = async ({ pid }: ProcessId): Promise<string> =>
  `${pid} ${(await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ").trim()}`;

/** Ends what a run left running. Fails with the command lines, since every test ends what it starts. */
export async function endLeftovers(): Promise<Outcome> {
  const name = "nothing is left running";
  const left = await findAfter(5000);
  if (left.length === 0) return { name, state: "passed" };
  const detail = (await Promise.all(left.map(commandLine))).join("\n");
  signalAll(left, "SIGTERM");
  signalAll(await findAfter(3000), "SIGKILL");
  return { name, state: "failed", detail };
}
