import type { Partition, SchedulerName } from "../../../contract/resource.ts";
import { error, type Finding, ok, warning } from "../../finding.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { locate } from "../detection.ts";
import type { ResourceCheck } from "./check.ts";

type Programs = { title: string; needed: readonly string[]; useful: readonly string[] };

/** What each scheduler is asked with. Without the useful ones some things stay unknown. */
const PROGRAMS: Record<SchedulerName, Programs> = {
  slurm: { title: "Slurm", needed: ["sbatch", "squeue", "scancel", "sinfo"], useful: ["sacct"] },
  pbs: { title: "PBS", needed: ["qsub", "qstat", "qdel"], useful: ["pbsnodes"] },
  none: { title: "no scheduler", needed: [], useful: [] },
};

/** What every session on a cluster needs, whatever its scheduler. */
const ALWAYS = ["ssh", "mktemp"];

function missingProgram(name: string, login: string | undefined): Finding {
  const found = `"${name}" is not on the PATH of a command by ssh`;
  if (login === undefined)
    return error(
      `${found}: it is missing on the controller`,
      `Have it installed, or choose another --scheduler.`,
    );
  const directory = login.slice(0, login.lastIndexOf("/"));
  return error(
    `${found}, only on a login shell's: ${login}`,
    `Begin ~/.bashrc on the controller, before it returns for shells without a terminal, with:\nexport PATH="${directory}:$PATH"`,
  );
}

export const programs: ResourceCheck = {
  what: "looking for the scheduler's programs",
  examine: async ({ connection, definition, signal }) => {
    const { title, needed, useful } = PROGRAMS[definition.scheduler];
    const wanted = [...ALWAYS, ...needed];
    const there = await locate(connection, [...wanted, ...useful], { signal });
    const missing = wanted.filter((name) => !there.has(name));
    const unknown = useful
      .filter((name) => !there.has(name))
      .map((name) =>
        warning(
          `"${name}" is missing on the controller`,
          "Without it less is known of jobs that have ended.",
        ),
      );
    if (missing.length === 0) return [ok(`the programs of ${title} are there`), ...unknown];
    const byLogin = await locate(connection, missing, { login: true, signal });
    return [...missing.map((name) => missingProgram(name, byLogin.get(name))), ...unknown];
  },
};

function partitionsFinding(title: string, partitions: readonly Partition[]): Finding {
  const up = partitions.filter(({ state }) => state === "up");
  const names = partitions.map(({ name }) => name).join(", ");
  if (up.length > 0) return ok(`${title} answers: ${names}`);
  if (partitions.length === 0)
    return warning(`${title} answers and shows no partition or queue`, "Ask for the right to use one.");
  return warning(
    `${title} answers, and nothing is up: ${names}`,
    "Wait, or ask the cluster's administrators: jobs would stay in the queue.",
  );
}

export const answers: ResourceCheck = {
  what: "asking the scheduler",
  examine: async ({ connection, definition, scheduler }) => {
    if (scheduler === undefined) return [ok("there is no scheduler: sessions run on the controller")];
    const { title } = PROGRAMS[definition.scheduler];
    try {
      return [partitionsFinding(title, await scheduler.partitions(connection))];
    } catch (cause) {
      if (!(cause instanceof CannotAsk)) throw cause;
      return [
        error(
          `${title} does not answer: ${cause.message}`,
          "Wait and try again, or ask the cluster's administrators.",
        ),
      ];
    }
  },
};
