import { CannotAsk, type Shell } from "../../ssh/shell.ts";
import { ask } from "../ask.ts";
import { clusterOption, slurm } from "./command.ts";
import type { ExitStatus } from "./states.ts";

/** A job as sacct(1) remembers it. `canceledBy` is a user's number. */
export type AccountedJob = {
  number: string;
  name: string;
  state: string;
  exit: ExitStatus | undefined;
  canceledBy: string | undefined;
};

/** `--parsable2` puts no field into a width. Names are not asked for the last, since a name may hold the separator. */
const FORMAT = "--format=JobIDRaw,State,ExitCode,JobName";

function parseRow(line: string): AccountedJob | undefined {
  const [number, state, exit, ...name] = line.split("|");
  if (number === undefined || !/^\d+$/.test(number) || state === undefined) return undefined;
  const [, code, signal] = /^(\d+):(\d+)$/.exec(exit ?? "") ?? [];
  return {
    number,
    name: name.join("|"),
    state,
    exit: code === undefined ? undefined : { code: Number(code), signal: Number(signal) },
    canceledBy: /^CANCELLED by (\d+)/.exec(state)?.[1],
  };
}

/** Reads what `sacct --noheader --parsable2` prints. */
const parseAccounting = (text: string): AccountedJob[] =>
  text
    .split("\n")
    .map(parseRow)
    .filter((row) => row !== undefined);

/** Nothing, where it could not be asked. */
export function unlessAsked(error: unknown): undefined {
  if (!(error instanceof CannotAsk)) throw error;
}

/**
 * What accounting knows of some jobs. Where there is none ("Slurm accounting storage is disabled") or its database does
 * not answer, that is nothing: the controller's own list has said that they are not there.
 */
async function sacct(shell: Shell, selection: readonly string[]): Promise<AccountedJob[]> {
  const asked = ["--noheader", "--parsable2", "--allocations", FORMAT, ...selection];
  const answer = await slurm(shell, ["sacct", ...asked]).catch(unlessAsked);
  return answer?.code === 0 ? parseAccounting(answer.stdout) : [];
}

export const accountedJobs = (
  shell: Shell,
  numbers: readonly string[],
  cluster: string | undefined,
): Promise<AccountedJob[]> => sacct(shell, [...clusterOption(cluster), `--jobs=${numbers.join(",")}`]);

/** The user's own jobs of a name, of this week: without a start sacct looks at today only. */
export const accountedNamed = (shell: Shell, name: string): Promise<AccountedJob[]> =>
  sacct(shell, [`--name=${name}`, "--starttime=now-7days"]);

/** The names of users by their numbers, where the host knows them. */
export async function userNames(
  shell: Shell,
  numbers: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (numbers.length === 0) return new Map();
  const answer = await ask(shell, ["getent", "passwd", ...numbers]).catch(unlessAsked);
  return new Map(
    (answer?.stdout ?? "").split("\n").map((line) => {
      const [name = "", , uid = ""] = line.split(":");
      return [uid, name];
    }),
  );
}
