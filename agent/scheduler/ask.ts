import type { CommandResult, RunOptions, Shell } from "../ssh/shell.ts";
import { CannotAsk } from "../ssh/shell.ts";

/** A scheduler under load takes tens of seconds to answer; its own commands give up after about a minute. */
const QUERY_TIMEOUT_MS = 60_000;

/** How a scheduler's command ended, as text. `said`: what it printed for a human, in one line. */
export type Answer = { code: number | null; stdout: string; stderr: string; said: string };

/** What Slurm's and PBS's programs put before what they say: `sbatch: error: `, `qsub: `, `slurm_load_jobs error: `. */
const SPEAKER = /^(?:[qs]|pbs_)[a-z_]+(?: error)?: (?:(?:error|fatal|warning): )?/;

/** The words of a program to its user as one line, each once and without its name. */
export function cleaned(text: string): string {
  const lines = text
    .split("\n")
    .map((line) => line.trim().replace(SPEAKER, ""))
    .filter((line) => line !== "");
  return [...new Set(lines)].join("; ");
}

const read = ({ code, stdout, stderr }: CommandResult): Answer => {
  const text = stdout.toString("utf8");
  return { code, stdout: text, stderr, said: cleaned(stderr.trim() === "" ? text : stderr) };
};

/**
 * Asks a scheduler with one of its commands, in English and with times in UTC.
 * @throws CannotAsk when its end was not seen
 */
export const ask = async (
  shell: Shell,
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<Answer> =>
  read(await shell.run(["env", "LC_ALL=C", "TZ=UTC0", ...argv], { timeoutMs: QUERY_TIMEOUT_MS, ...options }));

/** The same for those who tell of it: an answer, or why there is none. */
export async function tryAsk(
  shell: Shell,
  argv: readonly [string, ...string[]],
  options: RunOptions = {},
): Promise<Answer | CannotAsk> {
  try {
    return await ask(shell, argv, options);
  } catch (error) {
    if (error instanceof CannotAsk) return error;
    throw error;
  }
}
