import { join } from "node:path";
import { spawn } from "@lydell/node-pty";
import { eventually } from "./eventually.ts";

const MAIN = join(import.meta.dirname, "../../agent/main.ts");

/** The berth command at a terminal of its own; disposed, the terminal is closed, and the command has ended. */
export class TerminalCommand implements AsyncDisposable {
  /** Whatever the terminal was sent. */
  output = "";
  readonly exited: Promise<number>;
  readonly #terminal: ReturnType<typeof spawn>;
  #isOver = false;

  /** @param home its BERTH_HOME */
  constructor(home: string, args: readonly string[], options: { columns?: number } = {}) {
    const { BERTH_EDGE: _edge, BERTH_PORT: _port, BERTH_TOKEN: _token, ...env } = process.env;
    this.#terminal = spawn(process.execPath, [MAIN, ...args], {
      env: { ...env, BERTH_HOME: home },
      cols: options.columns ?? 200,
    });
    this.#terminal.onData((piece) => (this.output += piece));
    const exited = Promise.withResolvers<number>();
    this.#terminal.onExit(({ exitCode }) => {
      this.#isOver = true;
      exited.resolve(exitCode);
    });
    this.exited = exited.promise;
  }

  /** Resolves with the match once the terminal was sent such text. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(() => pattern.exec(this.output), { what: `${pattern} in “${this.output}”` });
  }

  /** Types a text, and nothing after it. */
  type(text: string): void {
    this.#terminal.write(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isOver) this.#terminal.kill("SIGHUP");
    await this.exited;
  }
}
