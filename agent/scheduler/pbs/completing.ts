import type { Shell } from "../../ssh/shell.ts";
import { notReached, cannotAsk, slurm } from "../slurm/command.ts";

/**
 * Those of the jobs that SchedMD's qstat calls complete while their scripts still run: it cuts the flag COMPLETING off
 * Slurm's state, and a canceled job is `C` from the first moment, its kill scripts before it. squeue comes with Slurm
 * itself; where it is not to be found, qstat's is all the word there is.
 * @throws CannotAsk
 */
export async function askCompleting(shell: Shell, jobIds: readonly string[]): Promise<ReadonlySet<string>> {
  if (jobIds.length === 0) return new Set();
  const which = ["--states=COMPLETING", "--format=%A", `--jobs=${jobIds.join(",")}`];
  const answer = await slurm(shell, ["squeue", "--noheader", ...which]);
  if (answer.code === 0) return new Set(answer.stdout.split(/\s+/).filter((id) => jobIds.includes(id)));
  if (notReached(answer)) throw cannotAsk("squeue", answer);
  // "Invalid job id specified": Slurm has forgotten it between the two questions.
  return new Set();
}
