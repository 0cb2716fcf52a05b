import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { agentLogPath, openAgentLog } from "../agent/agent-log.ts";
import { agentEnvironment } from "../agent/allocator.ts";
import type { Config } from "../agent/config.ts";
import { EXIT_REFUSED } from "../agent/exit-code.ts";

const PROGRAM = join(import.meta.dirname, "../agent/main.ts");

/** An agent that dies at once is not started again at once; milliseconds, doubled up to the longest. */
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;
const STEADY_MS = 10_000;

/** An agent that does not end within this time is killed: its sessions do without it. Milliseconds. */
const GRACE_MS = 15_000;

/** The agent as a process of its own, started again whenever it dies; ended with this object. */
export class AgentProcess implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #edge: string;
  readonly #running: Promise<void>;
  #child: ChildProcess | undefined;

  /** For the local edge, whatever this machine may have joined elsewhere. */
  constructor({ home, port }: Pick<Config, "home" | "port">, onTrouble: (message: string) => void) {
    this.#edge = `http://localhost:${port}`;
    this.#running = this.#run(home, onTrouble);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#child?.kill("SIGTERM");
    const timer = setTimeout(() => this.#child?.kill("SIGKILL"), GRACE_MS);
    await this.#running;
    clearTimeout(timer);
  }

  async #run(home: string, onTrouble: (message: string) => void): Promise<void> {
    const { signal } = this.#stop;
    let pause = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      const started = performance.now();
      const { code, by } = await this.#once(home);
      if (signal.aborted) return;
      pause =
        performance.now() - started > STEADY_MS ? FIRST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
      const why = by === null ? `exited with code ${code}` : `was ended by ${by}`;
      const hint = by === null ? `; the reason is in ${agentLogPath(home)}` : "";
      if (code === EXIT_REFUSED) {
        onTrouble(`the edge does not take this agent${hint}`);
        return;
      }
      onTrouble(`the agent ${why}; it starts again in ${(pause / 1000).toFixed(1)} s${hint}`);
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  async #once(home: string): Promise<{ code: number | null; by: NodeJS.Signals | null }> {
    await using log = await openAgentLog(home);
    // Its own process group: Ctrl-C in the terminal is this process's to pass on, once.
    const child = spawn(process.execPath, [PROGRAM, "up"], {
      detached: true,
      env: { ...agentEnvironment(process.env), BERTH_EDGE: this.#edge },
      stdio: ["ignore", log.fd, log.fd],
    });
    this.#child = child;
    if (this.#stop.signal.aborted) child.kill("SIGTERM");
    const [code, by] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return { code, by };
  }
}
