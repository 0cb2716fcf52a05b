import type { SchedulerName } from "../../contract/resource.ts";
import { tryAsk } from "../scheduler/ask.ts";
import { CannotAsk, type Shell } from "../ssh/shell.ts";

/** What a scheduler is to somebody who looks for one: its programs' absence is told from their silence. */
export type Presence =
  | { kind: "absent" }
  | { kind: "answers" }
  /** It is installed and does not answer: nothing follows from that, and it is worth a finding. */
  | { kind: "silent"; why: string };

export type Detection = Record<Exclude<SchedulerName, "none">, Presence>;

type Probe = { submit: string; question: readonly [string, ...string[]] };

/** The program that submits, and a question that needs the scheduler's server for its answer. */
const PROBES: Record<keyof Detection, Probe> = {
  slurm: { submit: "sbatch", question: ["sinfo", "--noheader", "--format=%R"] },
  pbs: { submit: "qsub", question: ["qstat", "-Q"] },
};

/** Long enough for a busy server, short enough for somebody who waits for it. Milliseconds. */
const PATIENCE_MS = 20_000;

/** Prints, for each of its arguments, the file that the name stands for. Bash names one that is not executable too. */
const LOCATE = `for name; do file=$(command -v -- "$name") && [ -x "$file" ] && echo "$file"; done; :`;

/**
 * Which of these programs can be run.
 * @param options.login as a login shell finds them rather than a command by ssh
 * @throws CannotAsk
 */
export async function locate(
  shell: Shell,
  programs: readonly string[],
  options: { login?: boolean; signal?: AbortSignal } = {},
): Promise<Map<string, string>> {
  const { login = false, signal } = options;
  const how: [string, ...string[]] = login ? ["bash", "-lc", LOCATE, "bash"] : ["sh", "-c", LOCATE, "sh"];
  const { stdout } = await shell.run([...how, ...programs], {
    timeoutMs: PATIENCE_MS,
    ...(signal && { signal }),
  });
  const files = stdout.toString("utf8").split("\n");
  const found = programs.flatMap((name): [string, string][] => {
    const file = files.find((path) => path.startsWith("/") && path.endsWith(`/${name}`));
    return file === undefined ? [] : [[name, file]];
  });
  return new Map(found);
}

/** Asks a host which schedulers it has. @throws CannotAsk when the host itself cannot be asked */
export async function detect(shell: Shell, signal?: AbortSignal): Promise<Detection> {
  const names = Object.values(PROBES).map(({ submit }) => submit);
  const there = await locate(shell, names, signal === undefined ? {} : { signal });
  const presence = async ({ submit, question }: Probe): Promise<Presence> => {
    if (!there.has(submit)) return { kind: "absent" };
    const answer = await tryAsk(shell, question, { timeoutMs: PATIENCE_MS, ...(signal && { signal }) });
    if (answer instanceof CannotAsk) return { kind: "silent", why: answer.message };
    return answer.code === 0 ? { kind: "answers" } : { kind: "silent", why: answer.said };
  };
  const [slurm, pbs] = await Promise.all([presence(PROBES.slurm), presence(PROBES.pbs)]);
  return { slurm, pbs };
}

/**
 * The scheduler of a cluster. Slurm comes first: SchedMD gives it a `qsub` and a `qstat` too. One that is silent today is
 * taken rather than none at all.
 */
export function choose({ slurm, pbs }: Detection): SchedulerName {
  if (slurm.kind === "answers") return "slurm";
  if (pbs.kind === "answers") return "pbs";
  if (slurm.kind === "silent") return "slurm";
  return pbs.kind === "silent" ? "pbs" : "none";
}
