import type { SessionId } from "../../../contract/ids.ts";
import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { ask } from "../ask.ts";
import type { PbsDialect } from "./dialect.ts";
import { outcomeOf } from "./exit-codes.ts";
import { readText } from "./listing.ts";

async function output(
  shell: Shell,
  dialect: PbsDialect,
  argv: readonly [string, ...string[]],
): Promise<string> {
  const { code, stdout, said } = await ask(shell, argv);
  const outcome = outcomeOf(dialect, "qstat", code, said);
  if (outcome === "done") return stdout;
  // SchedMD's qstat, where Slurm has no job at all.
  if (dialect === "slurm" && outcome === "unknown_job") return "";
  throw new CannotAsk(`${argv[0]} (exit ${code ?? "by a signal"}): ${said || "no text"}`);
}

async function userName(shell: Shell): Promise<string> {
  const { code, stdout, said } = await ask(shell, ["id", "-un"]);
  const name = stdout.trim();
  if (code !== 0 || name === "") throw new CannotAsk(`id -un: ${said || "no text"}`);
  return name;
}

/** The newest of the ids, one a line. */
const last = (ids: string): string | undefined => ids.trim().split("\n").at(-1)?.trim() || undefined;

/** SchedMD's scripts select nothing: all jobs are read, the owner's by that name are meant. */
async function findInSlurm(shell: Shell, user: string, name: string): Promise<string | undefined> {
  const jobs = readText(await output(shell, "slurm", ["qstat", "-f"]), "slurm");
  const own = [...jobs].filter(
    ([, job]) => job.get("job_name") === name && job.get("job_owner")?.split("@", 1)[0] === user,
  );
  return own.at(-1)?.[0];
}

/**
 * The job of a session, by its name: among those that live, then in OpenPBS's history (which Torque's selection holds for
 * as long as Torque keeps it).
 * @throws CannotAsk
 */
export async function findJob(
  shell: Shell,
  dialect: PbsDialect,
  session: SessionId,
): Promise<string | undefined> {
  const user = await userName(shell);
  if (dialect === "slurm") return findInSlurm(shell, user, session);
  const living = last(await output(shell, dialect, ["qselect", "-u", user, "-N", session]));
  if (living !== undefined || dialect === "torque") return living;
  return last(await output(shell, dialect, ["qselect", "-x", "-u", user, "-N", session]));
}
