import { spawn } from "node:child_process";
import { constants } from "node:os";
import { text } from "node:stream/consumers";

export type Argv = readonly [program: string, ...parameters: string[]];

export type CommandOptions = {
  /** What the program reads on standard input; nothing without it. */
  input?: string;
  env?: NodeJS.ProcessEnv;
  /** Ends the program, with SIGKILL. */
  signal?: AbortSignal;
};

/** `code`: the exit code; 128 + n when signal n ended the program. */
export type Ended = { code: number; stdout: string; stderr: string };

/**
 * Runs a program to its end; its output is read to the end of file.
 * @throws Error when it cannot be started; the signal's reason
 */
export async function run([program, ...parameters]: Argv, options: CommandOptions = {}): Promise<Ended> {
  options.signal?.throwIfAborted();
  const child = spawn(program, parameters, {
    env: options.env,
    stdio: ["pipe", "pipe", "pipe"],
    cwd: "/",
  });
  const kill = () => child.kill("SIGKILL");
  options.signal?.addEventListener("abort", kill, { once: true });
  // Who does not read its input to the end has had enough of it.
  child.stdin.on("error", () => undefined).end(options.input ?? "");
  const ended = Promise.withResolvers<number>();
  child.once("error", ended.reject);
  child.once("close", (code, signal) =>
    ended.resolve(signal === null ? (code ?? 127) : 128 + constants.signals[signal]),
  );
  try {
    const [code, stdout, stderr] = await Promise.all([ended.promise, text(child.stdout), text(child.stderr)]);
    options.signal?.throwIfAborted();
    return { code, stdout, stderr };
  } finally {
    options.signal?.removeEventListener("abort", kill);
  }
}

/**
 * Runs a program that has to succeed, and returns its output.
 * @throws Error with the command and what it said
 */
export async function mustRun(argv: Argv, options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code !== 0) throw new Error(`Cannot run \`${argv.join(" ")}\`: code ${code}\n${stderr}${stdout}`);
  return stdout;
}
