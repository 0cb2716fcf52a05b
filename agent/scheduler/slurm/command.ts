import { CannotAsk, type Shell } from "../../ssh/shell.ts";
import { type Answer, ask } from "../ask.ts";

/** Variables by which a user's login changes what Slurm's commands ask, filter or print, and no option takes back. */
const UNSET = [
  ...["ACCOUNT", "LICENSES", "NAMES", "PARTITION", "PRIORITY", "QOS", "USERS"].map((of) => `SQUEUE_${of}`),
  ...["ACCOUNT", "INTERACTIVE", "PARTITION", "QOS", "STATE", "WCKEY"].map((of) => `SCANCEL_${of}`),
  ...["ARRAY_INX", "TEST_ONLY", "WAIT"].map((of) => `SBATCH_${of}`),
  "SINFO_PARTITION",
];

/** Runs one of Slurm's commands with times as `2026-11-23T11:06:15`, in UTC. @throws CannotAsk */
export const slurm = (
  shell: Shell,
  argv: readonly [string, ...string[]],
  options: { input?: string } = {},
): Promise<Answer> =>
  ask(
    shell,
    ["env", ...UNSET.map((name) => `--unset=${name}`), "SLURM_TIME_FORMAT=standard", ...argv],
    options,
  );

/** Slurm answers in words only, with the exit code 1 for everything: these are of a controller that was not reached. */
const NOT_REACHED =
  /unable to contact|socket timed out|timed? ?out|connection (?:failure|refused|reset|timed)|communication|zero bytes|transport endpoint|no route to host|standby mode|munge|credential|authentication|dns srv|configuration (?:source|file)|cannot stat file|temporarily unable|network is unreachable|unexpected message|unable to (?:resolve|establish)/i;

/** Whether nothing follows from this failure: the controller was not reached, or the command itself was ended. */
export const notReached = ({ code, stderr, stdout }: Answer): boolean =>
  code === null || NOT_REACHED.test(stderr) || NOT_REACHED.test(stdout);

/** What to say where a command could not do its work. */
export const explain = (command: string, { code, said }: Answer): string => {
  if (code === 127)
    return `Cannot find "${command}" on the controller node: put Slurm's commands on its PATH`;
  return said === "" ? `"${command}" ended ${code === null ? "by a signal" : `with code ${code}`}` : said;
};

/** For what has no other answer than this: the same, thrown. */
export const cannotAsk = (command: string, answer: Answer): CannotAsk =>
  new CannotAsk(explain(command, answer));

/** A time as Slurm prints it (`N/A`, `Unknown`, `None` where it has none) in milliseconds since 1970. */
export function parseTime(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(text)) return undefined;
  return Date.parse(`${text}Z`);
}

/** The number and, in a federation, the cluster of a job: `1234` or `1234;cluster`, as `sbatch --parsable` prints it. */
export type SlurmJob = { number: string; cluster: string | undefined };

export function parseJobId(jobId: string): SlurmJob | undefined {
  const found = /^(\d+)(?:;([\w.-]+))?$/.exec(jobId.trim());
  return found?.[1] === undefined ? undefined : { number: found[1], cluster: found[2] };
}

/** How a command is sent to a job's own cluster. */
export const clusterOption = (cluster: string | undefined): string[] =>
  cluster === undefined ? [] : [`--clusters=${cluster}`];
