import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import type { PollOptions } from "./poll.ts";
import { poll } from "./poll.ts";

/** Bytes of output that are kept for an error's message. */
const KEPT = 16_384;
/** How long a program may take to end once it was asked to, milliseconds. */
const GRACE = 15_000;

type Options = {
  cwd?: string;
  env?: Record<string, string>;
  /** What asks it to end: SIGINT, as Ctrl-C does, unless told. */
  ending?: NodeJS.Signals;
};

/** A program in a process group of its own, so that it can be ended with all that it started. */
export class Program implements AsyncDisposable {
  readonly pid: number;
  output = "";
  readonly #child: ChildProcess;
  readonly #ending: NodeJS.Signals;

  private constructor(child: ChildProcess, pid: number, ending: NodeJS.Signals) {
    this.#child = child;
    this.#ending = ending;
    this.pid = pid;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output = (this.output + text).slice(-KEPT);
      });
    }
  }

  /** @throws Error when it cannot be started */
  static start([command = "", ...rest]: readonly string[], options: Options = {}): Program {
    const child = spawn(command, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    });
    // Without a listener a failed spawn would be an uncaught exception; the missing pid says the same.
    child.on("error", () => {});
    if (child.pid === undefined) throw new Error(`Cannot start "${command}": is it installed?`);
    return new Program(child, child.pid, options.ending ?? "SIGINT");
  }

  get ended(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /**
   * Waits until `probe` gives something.
   * @throws Error with the program's last output when it ends before, or takes too long
   */
  async until<Value>(
    probe: () => Value | Promise<Value>,
    options: PollOptions,
  ): Promise<NonNullable<Exclude<Value, false>>> {
    const alive = (): Value | Promise<Value> => {
      if (this.ended) throw new Error("it has ended");
      return probe();
    };
    try {
      return await poll(alive, options);
    } catch (error) {
      throw new Error(`No ${options.what}. Its output ends:\n${this.output}`, { cause: error });
    }
  }

  /** Asks the whole group to end; kills what is left of it after the grace. */
  async [Symbol.asyncDispose](): Promise<void> {
    const exit = new Promise((resolve) => {
      if (this.ended) resolve(undefined);
      else this.#child.once("exit", resolve);
    });
    signalGroup(this.pid, this.#ending);
    const timer = setTimeout(() => signalGroup(this.pid, "SIGKILL"), GRACE);
    await exit;
    clearTimeout(timer);
    signalGroup(this.pid, "SIGKILL");
  }
}

/** Signals a process group; one that is gone already is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
