import { BerthError } from "../../../contract/problem.ts";
import { quote } from "../../script/quote.ts";
import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { type Answer, tryAsk } from "../ask.ts";
import type { JobRequest, Submission } from "../scheduler.ts";
import type { PbsDialect } from "./dialect.ts";
import { outcomeOf } from "./exit-codes.ts";
import { pbsScript } from "./job-script.ts";

type Argv = readonly [string, ...string[]];

/**
 * How qsub is called, the log's options in it. Without `-f` OpenPBS's qsub leaves a process behind that answers the next
 * failing one with the words of an earlier failure (Torque's `-f` means something else). SchedMD's wants a file, and puts
 * what it is given into a shell's command.
 */
const ARGV: Record<PbsDialect, (log: readonly string[], job: JobRequest) => Argv> = {
  openpbs: (log) => ["qsub", "-f", ...log],
  torque: (log) => ["qsub", ...log],
  slurm: (log, { session }) => [
    "sh",
    "-c",
    'cat | "$@" /dev/stdin',
    "sh",
    "qsub",
    "-N",
    session,
    "-r",
    "n",
    // In sbatch's file names `%` begins a replacement.
    ...log.map((word) => (word.startsWith("-") ? word : quote(word.replaceAll("%", "%%")))),
  ],
};

const logOptions = ({ directory }: JobRequest): string[] => ["-j", "oe", "-o", `${directory}/scheduler.log`];

/** Slurm's ids have no server; an array's `[]` is never asked for. */
const JOB_ID = /^\d+(?:\.[\w.-]+)?$/;

/** SchedMD's qsub explains itself around what sbatch says. */
function wordsOf({ code, said, stdout }: Answer): string {
  const inner = /and the output was:\n'([\s\S]*)'\s*$/.exec(stdout)?.[1];
  if (inner !== undefined)
    return inner
      .replaceAll(/^ *sbatch: (?:error: )?/gm, "")
      .trim()
      .split("\n")
      .join("; ");
  return said || `qsub ended ${code === null ? "by a signal" : `with code ${code}`} and said nothing`;
}

/** 32: a hook of the site, in its own words. Otherwise the words must be of the log. */
const isOfTheLog = (answer: Answer): boolean =>
  answer.code === 32 ||
  /output_path|error_path|join_path|output|stdout|\blogs?\b|(?:^|\s)-[ojek]\b/i.test(wordsOf(answer));

const submission = (answer: Answer, dialect: PbsDialect, notes: string[]): Submission => {
  const words = wordsOf(answer);
  switch (outcomeOf(dialect, "qsub", answer.code, answer.said)) {
    case "done": {
      const jobId = answer.stdout.trim().split("\n").at(-1)?.trim() ?? "";
      if (JOB_ID.test(jobId)) return { kind: "submitted", jobId, notes };
      return { kind: "unknown", why: `qsub printed no job id: ${words}` };
    }
    case "unreachable":
      return answer.code === 127
        ? { kind: "refused", message: words }
        : { kind: "unknown", why: `qsub: ${words}` };
    default:
      return { kind: "refused", message: words };
  }
};

async function qsub(shell: Shell, job: JobRequest, dialect: PbsDialect, log: readonly string[]) {
  const input = pbsScript(job, dialect);
  return tryAsk(shell, ARGV[dialect](log, job), { input });
}

/** Submits a job; once more without a place for the log when the site does not want that to be said. */
export async function submitJob(shell: Shell, dialect: PbsDialect, job: JobRequest): Promise<Submission> {
  try {
    const first = await qsub(shell, job, dialect, logOptions(job));
    if (first instanceof CannotAsk) return { kind: "unknown", why: first.message };
    const told = submission(first, dialect, []);
    if (told.kind !== "refused" || !isOfTheLog(first)) return told;
    const second = await qsub(shell, job, dialect, []);
    if (second instanceof CannotAsk) return { kind: "unknown", why: second.message };
    const note = `The site does not take the place for the job's own log (${told.message}); PBS puts it where it is used to`;
    const again = submission(second, dialect, [note]);
    return again.kind === "refused" ? told : again;
  } catch (error) {
    if (error instanceof BerthError) return { kind: "refused", message: error.message };
    throw error;
  }
}
