import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Berth } from "./berth.ts";
import { text } from "node:stream/consumers";
import { spawn as spawnTerminal } from "@lydell/node-pty";

const MAIN = join(import.meta.dirname, "../../agent/main.ts");

export type CommandEnd = { code: number; stdout: string; stderr: string };

/** The `berth` command as a person runs it, with a `BERTH_HOME` of its own, which is deleted when this is disposed. */
export class BerthCommand implements AsyncDisposable {
  readonly home: string;
  /** Joins the environment. */
  readonly env: NodeJS.ProcessEnv = {};

  private constructor(home: string) {
    this.home = home;
  }

  static async open(): Promise<BerthCommand> {
    return new BerthCommand(await mkdtemp(join(tmpdir(), "berth-command-")));
  }

  /** The command beside a Berth that runs, whose home it is. */
  static beside({ home, port, url }: Berth): BerthCommand {
    const command = new BerthCommand(home);
    command.env["BERTH_PORT"] = String(port);
    command.env["BERTH_EDGE"] = url;
    return command;
  }

  /** Runs it without a terminal, to its end. */
  run(...args: readonly string[]): Promise<CommandEnd> {
    return this.runWith("", ...args);
  }

  /** Runs it without a terminal, to its end, with a text on standard input. */
  async runWith(input: string, ...args: readonly string[]): Promise<CommandEnd> {
    const child = spawn(process.execPath, [MAIN, ...args], { env: this.#environment, stdio: "pipe" });
    // Whether it reads that is its own business.
    child.stdin.on("error", () => undefined).end(input);
    const [[code], stdout, stderr] = await Promise.all([
      once(child, "close") as Promise<[number]>,
      text(child.stdout),
      text(child.stderr),
    ]);
    return { code, stdout, stderr };
  }

  /** Runs it at a terminal, and types the answer once the question has been asked. */
  async runAtTerminal(args: readonly string[], question: string, answer: string): Promise<CommandEnd> {
    const terminal = spawnTerminal(process.execPath, [MAIN, ...args], { env: this.#environment, cols: 200 });
    const ended = Promise.withResolvers<number>();
    let output = "";
    let isAnswered = false;
    terminal.onData((piece) => {
      output += piece;
      if (isAnswered || !output.includes(question)) return;
      isAnswered = true;
      terminal.write(`${answer}\r`);
    });
    terminal.onExit(({ exitCode }) => ended.resolve(exitCode));
    return { code: await ended.promise, stdout: output, stderr: "" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.home, { recursive: true, force: true });
  }

  get #environment(): NodeJS.ProcessEnv {
    // No Berth answers at port 1: what another one on this machine knows is none of this one's business.
    const { SSH_AUTH_SOCK: _, ...env } = process.env;
    return { ...env, BERTH_HOME: this.home, BERTH_EDGE: "http://127.0.0.1:1", ...this.env };
  }
}
