import { spawn } from "node:child_process";
import { constants } from "node:os";
import { dirname } from "node:path";

export const ROOT = dirname(dirname(import.meta.dirname));

export type Argv = readonly [program: string, ...parameters: string[]];

/** `code`: the exit code; 128 + n when signal n ended the program; 127 when it could not be started. */
export type Ran = { code: number; output: string };

export type RunOptions = {
  /** Ends the program, with SIGTERM. */
  signal: AbortSignal;
  /** Joins the environment of this process. */
  env?: Record<string, string | undefined>;
  /** The program writes to this terminal by itself, and `output` stays empty. */
  show?: boolean;
};

/** Runs a program in the repository's root, to its end. Never throws: what goes wrong is in the result. */
export function run([program, ...parameters]: Argv, { signal, env, show = false }: RunOptions): Promise<Ran> {
  if (signal.aborted) return Promise.resolve({ code: 130, output: "not started: the gate is ending" });
  const { promise, resolve } = Promise.withResolvers<Ran>();
  const child = spawn(program, parameters, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ["ignore", show ? "inherit" : "pipe", show ? "inherit" : "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
  const end = () => child.kill("SIGTERM");
  signal.addEventListener("abort", end, { once: true });
  child.once("error", (error) => resolve({ code: 127, output: error.message }));
  child.once("close", (code, cause) => {
    signal.removeEventListener("abort", end);
    resolve({ code: cause === null ? (code ?? 127) : 128 + constants.signals[cause], output });
  });
  return promise;
}
