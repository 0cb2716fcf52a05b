import type { SchedulerRequest } from "../../../contract/session.ts";
import { clock } from "../duration.ts";
import { renderJobScript, schedulerName } from "../job-script.ts";
import type { JobRequest } from "../scheduler.ts";
import { directiveWord, freeDirective } from "./directive.ts";

/** An option that a site's submit plugin may refuse and a session can do without. */
export type Dispensable = { names: readonly string[]; refusal: RegExp; note: string };

export const DISPENSABLE: readonly Dispensable[] = [
  {
    names: ["output", "open-mode"],
    refusal: /\b(?:output|open-mode|stdout|std_?out|log ?files?)\b/i,
    note: "The site does not take --output: Slurm's own messages are in slurm-<job>.out in the home directory",
  },
  {
    names: ["comment"],
    refusal: /\bcomments?\b/i,
    note: "The site does not take --comment",
  },
];

/** In a file name `%` begins a replacement (sbatch(1), "filename pattern"). */
const fileName = (path: string): string => path.replaceAll("%", "%%");

const option = (name: string, value: string | number | undefined): string[] =>
  value === undefined ? [] : [`--${name}=${value}`];

/** GPUs by `--gres`, per node: every version and every select plugin takes it; `--gpus` needs 19.05 and cons_tres. */
const gpus = (count: number | undefined): string[] => (count ? [`--gres=gpu:${count}`] : []);

const requested = (request: SchedulerRequest): string[] => [
  ...option("partition", schedulerName("scheduler.partition", request.partition)),
  ...option("account", schedulerName("scheduler.account", request.account)),
  ...option("qos", schedulerName("scheduler.qos", request.qos)),
  ...option("time", request.walltime === undefined ? undefined : clock(request.walltime)),
  ...option("nodes", request.nodes),
  ...option("ntasks-per-node", request.tasksPerNode),
  ...option("cpus-per-task", request.cpusPerTask),
  ...option("mem", request.memory === undefined ? undefined : `${request.memory}M`),
  ...gpus(request.gpus),
  ...(request.exclusive === true ? ["--exclusive"] : []),
];

/**
 * What sbatch is told, each option a word: who the job is, then what was asked for.
 * @throws BerthError `invalid_input` that names the field
 */
export function sbatchOptions(job: JobRequest, without: readonly Dispensable[] = []): string[] {
  const left = new Set(without.flatMap(({ names }) => names));
  return [
    ...option("job-name", job.session),
    ...option("comment", `berth:${job.session}`),
    "--no-requeue",
    ...option("output", fileName(`${job.directory}/scheduler.log`)),
    "--open-mode=append",
    ...requested(job.request),
  ].filter((word) => !left.has(word.slice(2).split("=")[0] ?? ""));
}

/**
 * The script for sbatch.
 * @throws BerthError `invalid_input` that names the field
 */
export const sbatchScript = (job: JobRequest, without: readonly Dispensable[] = []): string =>
  renderJobScript(
    [
      ...sbatchOptions(job, without).map((word) => `#SBATCH ${directiveWord(word)}`),
      ...(job.request.directives ?? []).map((text, index) =>
        freeDirective(`scheduler.directives.${index}`, text),
      ),
    ],
    job.script,
  );
