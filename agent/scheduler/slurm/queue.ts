import type { Shell } from "../../ssh/shell.ts";
import { cannotAsk, clusterOption, slurm } from "./command.ts";
import { type ExitStatus, fromWaitStatus, stateOf } from "./states.ts";

/** A job as squeue(1) lists it; times as it prints them. */
export type QueuedJob = {
  number: string;
  name: string;
  state: string;
  exit: ExitStatus;
  start: string;
  end: string;
  batchHost: string;
  partitions: string[];
  priority: number;
  reason: string;
};

/**
 * The fields, wide enough for those of a job of ours, none of which but the last can hold a space. Every version of
 * `-O` cuts at a width; a separator is young, and `-o` has no exit code. `BatchHost` is the first node, where `NodeList` is
 * `node[01-04]`.
 */
const FIELDS = [
  "JobID:32",
  "Name:32",
  "State:32",
  "exit_code:16",
  "StartTime:24",
  "EndTime:24",
  "BatchHost:128",
  "Partition:256",
  "PriorityLong:16",
  "Reason:256",
].join(",");

function parseRow(line: string): QueuedJob | undefined {
  const [number, name, state, exit, start, end, batchHost, partition, priority, ...reason] = line
    .trim()
    .split(/\s+/);
  if (number === undefined || !/^\d+$/.test(number) || priority === undefined) return undefined;
  return {
    number,
    name: name ?? "",
    state: state ?? "",
    exit: fromWaitStatus(Number(exit)),
    start: start ?? "",
    end: end ?? "",
    batchHost: batchHost ?? "",
    partitions: (partition ?? "").split(","),
    priority: Number(priority),
    reason: reason.join(" "),
  };
}

/** Reads what `squeue --noheader -O` prints; a line that is none of its rows (`CLUSTER: x`) is left out. */
const parseQueue = (text: string): QueuedJob[] =>
  text
    .split("\n")
    .map(parseRow)
    .filter((row) => row !== undefined);

/** The only answer that is an error and yet one: squeue gives it where it was asked for one job, and a list without any rows else. */
const NO_SUCH_JOB = /invalid job id specified/i;

const squeue = ["squeue", "--noheader", "--states=all", `--Format=${FIELDS}`] as const;

/**
 * The jobs of these numbers that the controller still knows, the ended ones too (for MinJobAge, 300 s as a rule).
 * @throws CannotAsk
 */
export async function listJobs(
  shell: Shell,
  numbers: readonly string[],
  cluster: string | undefined,
): Promise<QueuedJob[]> {
  const answer = await slurm(shell, [...squeue, ...clusterOption(cluster), `--jobs=${numbers.join(",")}`]);
  if (answer.code === 0) return parseQueue(answer.stdout);
  if (NO_SUCH_JOB.test(answer.stderr)) {
    // Where a version refuses the whole list for one of its numbers, each is asked for itself.
    if (numbers.length === 1) return [];
    const each = await Promise.all(numbers.map((number) => listJobs(shell, [number], cluster)));
    return each.flat();
  }
  throw cannotAsk("squeue", answer);
}

/** The user's own jobs of a name: `--me` is younger than many a Slurm, and another user may take any name. @throws CannotAsk */
export async function listNamed(shell: Shell, name: string): Promise<QueuedJob[]> {
  const asUser = 'exec "$@" "--user=$(id -u)"';
  const answer = await slurm(shell, ["sh", "-c", asUser, "sh", ...squeue, `--name=${name}`]);
  if (answer.code !== 0) throw cannotAsk("squeue", answer);
  return parseQueue(answer.stdout);
}

/** A waiting job of anybody in the order of its partition. */
type Rival = { number: number; partition: string; priority: number; reason: string };

/** Waiting, but not for their turn, which for some never comes. */
const NOT_IN_LINE =
  /^(?:JobHeld|BeginTime|Dependency|Reservation$|Partition(?:Config|NodeLimit|TimeLimit)|BadConstraints)/;

/** Whether a job's turn comes by itself. To be the first at a closed partition or a limit would say nothing. */
export const isInLine = ({ state, reason }: QueuedJob): boolean =>
  stateOf(state) === "queued" && /^(?:Priority|Resources|None|Nodes required)/.test(reason);

function parseRival(line: string): Rival | undefined {
  const [number, partition, priority, ...reason] = line.trim().split("|");
  // An array is one row, `12_[1-9]`.
  const id = Number(/^\d+/.exec(number ?? "")?.[0] ?? Number.NaN);
  if (Number.isNaN(id) || partition === undefined || priority === undefined) return undefined;
  return { number: id, partition, priority: Number(priority), reason: reason.join("|") };
}

/**
 * Where each job stands among all that wait in its partitions, from 1: by priority, then by age.
 * What other users' jobs a site hides (PrivateData) cannot be counted.
 * @throws CannotAsk
 */
export async function positions(
  shell: Shell,
  waiting: readonly QueuedJob[],
  cluster: string | undefined,
): Promise<Map<string, number>> {
  const partitions = [...new Set(waiting.flatMap((job) => job.partitions))];
  const answer = await slurm(shell, [
    "squeue",
    "--noheader",
    "--states=PENDING",
    "--priority",
    "--format=%i|%P|%Q|%r",
    `--partition=${partitions.join(",")}`,
    ...clusterOption(cluster),
  ]);
  if (answer.code !== 0) throw cannotAsk("squeue", answer);
  const line = answer.stdout
    .split("\n")
    .map(parseRival)
    .filter((rival) => rival !== undefined && !NOT_IN_LINE.test(rival.reason));

  const standing = (job: QueuedJob, partition: string): number =>
    1 +
    line.filter(
      (rival) =>
        rival?.partition === partition &&
        (rival.priority > job.priority ||
          (rival.priority === job.priority && rival.number < Number(job.number))),
    ).length;
  return new Map(
    waiting.map((job) => [
      job.number,
      Math.min(...job.partitions.map((partition) => standing(job, partition))),
    ]),
  );
}
