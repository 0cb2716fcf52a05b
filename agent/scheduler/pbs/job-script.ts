import type { SchedulerRequest } from "../../../contract/session.ts";
import { clock } from "../duration.ts";
import { renderJobScript, schedulerName } from "../job-script.ts";
import type { JobRequest } from "../scheduler.ts";
import { directiveWord } from "../slurm/directive.ts";
import { sbatchOptions } from "../slurm/options.ts";
import type { PbsDialect } from "./dialect.ts";
import { freeDirective } from "./directive.ts";

const part = (name: string, value: number | string | undefined): string =>
  value === undefined || value === 0 ? "" : `:${name}=${value}`;

/** CPUs on each node: a task's, times the tasks. */
const cpusPerNode = ({ tasksPerNode, cpusPerTask }: SchedulerRequest): number | undefined =>
  tasksPerNode === undefined && cpusPerTask === undefined
    ? undefined
    : (tasksPerNode ?? 1) * (cpusPerTask ?? 1);

/** OpenPBS: chunks, each of one node where there are several. Nothing asked for leaves the queue's defaults. */
function openpbsResources(request: SchedulerRequest): string[] {
  const { nodes = 1, memory, gpus, tasksPerNode, exclusive } = request;
  const chunk = [
    part("ncpus", cpusPerNode(request)),
    part("mpiprocs", tasksPerNode),
    part("mem", memory === undefined ? undefined : `${memory}mb`),
    part("ngpus", gpus),
  ].join("");
  const place = [...(nodes > 1 ? ["scatter"] : []), ...(exclusive === true ? ["excl"] : [])].join(":");
  return [
    ...(request.nodes === undefined && chunk === "" ? [] : [`-l select=${nodes}${chunk}`]),
    ...(place === "" ? [] : [`-l place=${place}`]),
  ];
}

/** Torque: `mem` is of the whole job; `-n` asks for the nodes alone. */
function torqueResources(request: SchedulerRequest): string[] {
  const { nodes = 1, memory, gpus, exclusive } = request;
  const perNode = part("ppn", cpusPerNode(request)) + part("gpus", gpus);
  return [
    ...(request.nodes === undefined && perNode === "" ? [] : [`-l nodes=${nodes}${perNode}`]),
    ...(memory === undefined ? [] : [`-l mem=${memory * nodes}mb`]),
    ...(exclusive === true ? ["-n"] : []),
  ];
}

const RESOURCES: Record<Exclude<PbsDialect, "slurm">, (request: SchedulerRequest) => string[]> = {
  openpbs: openpbsResources,
  torque: torqueResources,
};

const option = (flag: string, value: string | undefined): string[] =>
  value === undefined ? [] : [`${flag}${value}`];

function requested(job: JobRequest, dialect: Exclude<PbsDialect, "slurm">): string[] {
  const { partition, account, qos, walltime } = job.request;
  return [
    `-N ${job.session}`,
    "-r n",
    ...option("-q ", schedulerName("scheduler.partition", partition)),
    ...option("-A ", schedulerName("scheduler.account", account)),
    // A resource of the site's own in OpenPBS, of Maui and Moab in Torque: a server that has none says so by this name.
    ...option("-l qos=", schedulerName("scheduler.qos", qos)),
    ...option("-l walltime=", walltime === undefined ? undefined : clock(walltime)),
    ...RESOURCES[dialect](job.request),
  ];
}

/**
 * What qsub reads. SchedMD's hands the script to sbatch, whose own directives say everything (its reading of `#PBS` knows no
 * GPUs, no quality of service and no node for oneself); what the user wrote stays `#PBS`. Where the log goes is said on the
 * command line: a path may hold blanks, and a site may refuse it.
 * @throws BerthError `invalid_input` that names the field
 */
export function pbsScript(job: JobRequest, dialect: PbsDialect): string {
  const own =
    dialect === "slurm"
      ? sbatchOptions(job).map((word) => `#SBATCH ${directiveWord(word)}`)
      : requested(job, dialect).map((words) => `#PBS ${words}`);
  const free = (job.request.directives ?? []).map((text, index) =>
    freeDirective(`scheduler.directives.${index}`, text),
  );
  return renderJobScript([...own, ...free], job.script);
}
