import { spawn } from "node:child_process";
import { buffer, text } from "node:stream/consumers";
import { CannotAsk, type CommandResult, type RunOptions, type Shell } from "../../agent/ssh/shell.ts";

export type LocalShellOptions = {
  /** The home directory, in which commands run. */
  home: string;
  /** Joins the environment, which is that of a fresh login. */
  env?: Readonly<Record<string, string>>;
};

/** A Shell without ssh: its commands run on this machine, with the environment of a fresh login in a home of the test's. */
export class LocalShell implements Shell {
  readonly #options: LocalShellOptions;

  constructor(options: LocalShellOptions) {
    this.#options = options;
  }

  async run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<CommandResult> {
    const { home, env = {} } = this.#options;
    const { PATH = "/usr/bin:/bin" } = process.env;
    const login = { HOME: home, PATH, USER: "ada", LOGNAME: "ada", SHELL: "/bin/bash", ...env };
    const variables = Object.entries(login).map(([name, value]) => `${name}=${value}`);

    const { timeoutMs, signal, input = "" } = options;
    const timeout = timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)];
    const given = AbortSignal.any([...timeout, ...(signal === undefined ? [] : [signal])]);
    const child = spawn("env", ["-i", "-C", home, ...variables, ...argv], {
      signal: given,
      killSignal: "SIGKILL",
    });
    const ended = Promise.withResolvers<number | null>();
    child.once("error", ended.reject);
    child.once("exit", ended.resolve);
    // A command that ends without reading its input.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    try {
      const [code, stdout, stderr] = await Promise.all([
        ended.promise,
        buffer(child.stdout),
        text(child.stderr),
      ]);
      return { code, stdout, stderr };
    } catch (error) {
      signal?.throwIfAborted();
      throw new CannotAsk(`Cannot see how "${argv[0]}" ended`, { cause: error });
    }
  }
}
