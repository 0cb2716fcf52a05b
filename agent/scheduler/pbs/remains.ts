import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { tryAsk } from "../ask.ts";

/**
 * What a job has left in its session's directory. SchedMD's qstat tells of no end but that it was one; `exit` has the
 * script's exit code, and slurmstepd writes into the job's own log why it ended a job.
 */
export type Remains = { exitCode?: number; word?: string };

/** Two lines for each directory: what its `exit` begins with, and slurmstepd's last word; empty where there is none. */
const READ = `for directory; do
  printf "%s\\n" "$(head -n 1 -- "$directory/exit" 2>/dev/null)"
  printf "%s\\n" "$(tail -n 50 -- "$directory/scheduler.log" 2>/dev/null | grep "^slurmstepd.*: error: " | tail -n 1)"
done`;

/** Reads what is there, one question for all of the directories. */
export async function readRemains(
  shell: Shell,
  directories: readonly string[],
): Promise<ReadonlyMap<string, Remains>> {
  if (directories.length === 0) return new Map();
  const answer = await tryAsk(shell, ["sh", "-c", READ, "sh", ...directories]);
  if (answer instanceof CannotAsk || answer.code !== 0) return new Map();
  const lines = answer.stdout.split("\n");
  return new Map(
    directories.map((directory, index) => {
      const [exit = "", word = ""] = lines.slice(2 * index, 2 * index + 2);
      const exitCode = /^\d{1,3}$/.test(exit) ? { exitCode: Number(exit) } : {};
      return [directory, word === "" ? exitCode : { ...exitCode, word }];
    }),
  );
}
