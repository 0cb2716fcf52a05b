import { constants } from "node:os";
import type { JobEnd } from "../scheduler.ts";
import type { PbsDialect } from "./dialect.ts";
import type { Attributes } from "./listing.ts";
import { parseClock } from "../duration.ts";
import type { Remains } from "./remains.ts";
import { parseTime } from "./times.ts";

type Ending = { how: JobEnd["how"]; reason: string };

const failed = (reason: string): Ending => ({ how: "failed", reason });

/** OpenPBS, job.h: what MoM says of a job whose script did not end by itself. */
const OPENPBS_ENDINGS: Readonly<Record<number, Ending>> = {
  [-1]: failed("PBS could not start it, before its files were there."),
  [-2]: failed(
    "PBS could not start it on its node: the node's prologue refused it, or a file could not be made.",
  ),
  [-3]: failed("PBS could not start it on its node, and tried often."),
  [-4]: { how: "node_failure", reason: "It was aborted when its node's PBS started anew." },
  [-5]: { how: "node_failure", reason: "It was aborted when its node's PBS started anew." },
  [-6]: { how: "node_failure", reason: "It was aborted when its node's PBS started anew." },
  [-10]: failed("PBS could not start it: the user or group is not known on its node."),
  [-17]: failed("A hook of the site refused it on its node."),
  [-19]: failed("A hook of the site deleted it."),
  [-20]: { how: "node_failure", reason: "Its node was lost." },
  [-24]: failed("It was killed because it used more CPUs than it had asked for."),
  [-25]: failed("It was killed because it used more CPUs than it had asked for."),
  [-26]: {
    how: "out_of_memory",
    reason: "It was killed because it used more virtual memory than it had asked for.",
  },
  [-27]: { how: "out_of_memory", reason: "It was killed because it used more memory than it had asked for." },
  [-28]: { how: "timeout", reason: "It was killed because it passed its limit of CPU time." },
  [-29]: { how: "timeout", reason: "It was killed because it passed its walltime." },
};

/** Torque, job.h. */
const TORQUE_ENDINGS: Readonly<Record<number, Ending>> = {
  [-1]: failed("Torque could not start it, before its files were there."),
  [-2]: failed(
    "Torque could not start it on its node: the node's prologue refused it, or a file could not be made.",
  ),
  [-3]: failed("Torque could not start it on its node, and tried often."),
  [-4]: { how: "node_failure", reason: "It was aborted when its node's Torque started anew." },
  [-5]: { how: "node_failure", reason: "It was aborted when its node's Torque started anew." },
  [-6]: { how: "node_failure", reason: "It was aborted when its node's Torque started anew." },
  [-8]: failed("Torque could not start its script."),
  [-9]: failed("Torque could not make its output file on its node."),
  [-10]: { how: "out_of_memory", reason: "It was killed because it used more memory than it had asked for." },
  [-11]: { how: "timeout", reason: "It was killed because it passed its walltime." },
  [-12]: { how: "timeout", reason: "It was killed because it passed its limit of CPU time." },
  [-14]: failed("The prologue on its node failed."),
};

const ENDINGS: Record<Exclude<PbsDialect, "slurm">, typeof OPENPBS_ENDINGS> = {
  openpbs: OPENPBS_ENDINGS,
  torque: TORQUE_ENDINGS,
};

/** Added to the signal that ended the job's own shell: no script can exit with so much. */
const SIGNALED = 256;
/** The same of a process in the shell, by the shell's own habit. */
const SHELL_SIGNALED = 128;
const NO_SHELL = 254;

const signalName = (signal: number): string | undefined =>
  Object.entries(constants.signals).find(([, number]) => number === signal)?.[0];

/** OpenPBS, job.h: JOB_SUBSTATE_TERMINATED. */
const isDeleted = (job: Attributes): boolean => job.get("substate") === "91";

/** Who deleted it, where the comment says so (OpenPBS). */
function deletedBy(job: Attributes): string {
  const who = / and terminated by (\S+)$/.exec(job.get("comment") ?? "")?.[1];
  return who === undefined ? "" : ` by ${who}`;
}

/** Of a deleted dependant Torque says so in a comment; in OpenPBS it has neither an exit status nor a deletion. */
function lostDependency(job: Attributes): string | undefined {
  const depend = job.get("depend");
  if (depend === undefined) return undefined;
  const told = /deleted as result of dependency/.test(job.get("comment") ?? "");
  const silent = job.get("exit_status") === undefined && job.has("substate") && !isDeleted(job);
  return told || silent ? depend : undefined;
}

function neverRan(job: Attributes): Ending {
  const started = job.has("stime") || job.has("start_time");
  if (!started) return { how: "canceled", reason: `It was deleted${deletedBy(job)} before it started.` };
  return {
    how: "canceled",
    reason: `It was deleted by force${deletedBy(job)}; its node could not be asked how it ended.`,
  };
}

function signaled(job: Attributes, dialect: PbsDialect, signal: number): Ending {
  const name = signalName(signal) ?? `signal ${signal}`;
  if (isDeleted(job) || (dialect === "torque" && name === "SIGTERM"))
    return { how: "canceled", reason: `It was deleted${deletedBy(job)} while it ran.` };
  return failed(`The job's shell was ended by ${name}: by its owner, an administrator or its node.`);
}

function exited(status: number): Ending {
  if (status === 0) return { how: "completed", reason: "The job's script ended." };
  const name = status > SHELL_SIGNALED ? signalName(status - SHELL_SIGNALED) : undefined;
  if (name !== undefined)
    return failed(
      `The job's script ended with exit code ${status}, as after ${name} to one of its processes.`,
    );
  if (status === NO_SHELL)
    return failed(
      `The job's script ended with exit code ${status}, as when its shell is missing on the node.`,
    );
  return failed(`The job's script ended with exit code ${status}.`);
}

function endingOf(
  job: Attributes,
  dialect: Exclude<PbsDialect, "slurm">,
  status: number | undefined,
): Ending {
  const depend = lostDependency(job);
  if (depend !== undefined)
    return failed(`It was deleted because the job it depends on did not end as needed: ${depend}.`);
  if (status === undefined) return neverRan(job);
  if (status >= SIGNALED) return signaled(job, dialect, status - SIGNALED);
  if (status >= 0) return exited(status);
  return ENDINGS[dialect][status] ?? failed(`It ended with PBS's own exit status ${status}.`);
}

/** `Stageout_status` of OpenPBS, `sched_hint` of Torque: what the job printed may be lost. */
const undelivered = (job: Attributes): boolean =>
  job.get("stageout_status") === "0" || /unable to copy files/i.test(job.get("sched_hint") ?? "");

/** What slurmstepd writes into a job's log when it ends it; the last is any cancel. */
const SLURM_WORDS: readonly (readonly [RegExp, Ending])[] = [
  [/DUE TO TIME LIMIT/, { how: "timeout", reason: "It was ended because it passed its walltime." }],
  [/DUE TO NODE FAILURE/, { how: "node_failure", reason: "Its node was lost." }],
  [/DUE TO PREEMPTION/, failed("It was ended to make room for another job.")],
  [
    /oom[ _-]?kill|out of memory/i,
    { how: "out_of_memory", reason: "It ran out of the memory it had asked for." },
  ],
  [/CANCELLED AT/, { how: "canceled", reason: "It was canceled while it ran." }],
];

/** SchedMD's qstat tells times and no exit status; `U` is what it calls the states that it has no letter for. */
function slurmEnding(job: Attributes, { exitCode, word = "" }: Remains): Ending {
  const told = SLURM_WORDS.find(([words]) => words.test(word))?.[1];
  if (told !== undefined) return told;
  if (job.get("job_state") === "U")
    return failed("Slurm ended it: it ran out of memory or passed its deadline.");
  if (exitCode !== undefined) return exited(exitCode);
  const [start, end] = [parseTime(job.get("mtime")), parseTime(job.get("ctime"))];
  const walltime = parseClock(job.get("resource_list.walltime") ?? "");
  if (start !== undefined && end !== undefined && walltime !== undefined && end - start >= walltime * 1000)
    return { how: "timeout", reason: "It was ended because it passed its walltime." };
  return { how: "unknown", reason: "It has ended; qstat does not tell how." };
}

/**
 * How an ended job (`F`, `C`, `X`) ended.
 * @param remains what it has left behind, for SchedMD's qstat, which tells of no end
 */
export function readEnd(job: Attributes, dialect: PbsDialect, remains: Remains): JobEnd {
  if (dialect === "slurm") {
    const { exitCode } = remains;
    return { kind: "ended", ...slurmEnding(job, remains), ...(exitCode === undefined ? {} : { exitCode }) };
  }
  const told = job.get("exit_status");
  const status = told !== undefined && /^-?\d+$/.test(told) ? Number(told) : undefined;
  const { how, reason } = endingOf(job, dialect, status);
  const end: JobEnd = {
    kind: "ended",
    how,
    reason: undelivered(job) ? `${reason} Its log could not be delivered.` : reason,
  };
  return status !== undefined && status >= 0 && status < SIGNALED ? { ...end, exitCode: status } : end;
}
