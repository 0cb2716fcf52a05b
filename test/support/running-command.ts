import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { eventually } from "./eventually.ts";

const MAIN = join(import.meta.dirname, "../../agent/main.ts");

/** The berth command while it runs; disposed, it is told to end. */
export class RunningCommand implements AsyncDisposable {
  /** Whatever it has printed. */
  output = "";
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;

  /** @param home its BERTH_HOME */
  constructor(home: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const { BERTH_EDGE: _edge, BERTH_PORT: _port, BERTH_TOKEN: _token, ...own } = process.env;
    this.#child = spawn(process.execPath, [MAIN, ...args], {
      env: { ...own, BERTH_HOME: home, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on("data", (chunk) => (this.output += String(chunk)));
    this.exited = once(this.#child, "close").then(([code]) => code as number | null);
  }

  /** Resolves with the match once it has printed such text. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    const found = (): RegExpExecArray => {
      const match = pattern.exec(this.output);
      if (match === null) throw new Error(`it is not in “${this.output}”`);
      return match;
    };
    return eventually(found, { what: String(pattern), timeoutMs: 60_000 });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGTERM");
    await this.exited;
  }
}
