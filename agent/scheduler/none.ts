import { CannotAsk, type Shell } from "../ssh/shell.ts";
import { type Answer, ask, tryAsk } from "./ask.ts";
import { renderJobScript } from "./job-script.ts";
import { CANCEL, IDENTIFY, START, STATUS } from "./none-scripts.ts";
import type {
  Cancellation,
  JobEnd,
  JobRef,
  JobRequest,
  JobStatus,
  Scheduler,
  Submission,
} from "./scheduler.ts";

/** A process beyond doubt, as `pid` in the session's directory holds it: its number and its start in clock ticks. */
const PROCESS = /^\d+ \d+$/;

/** Runs one of the scripts: the shell reads it from its standard input, whatever the login shell is. @throws CannotAsk */
const sh = (shell: Shell, script: string, args: readonly string[]): Promise<Answer> =>
  ask(shell, ["sh", "-s", ...args], { input: script });

/** How long the session's own script may take to end before it is killed: its kill scripts and its service, seconds. */
const GRACE_S = 40;

async function submit(shell: Shell, { directory, script }: JobRequest): Promise<Submission> {
  const answer = await tryAsk(shell, ["bash", "--norc", "-s", directory, script], { input: START });
  if (answer instanceof CannotAsk) return { kind: "unknown", why: answer.message };
  const jobId = answer.stdout.trim();
  if (answer.code === 0 && PROCESS.test(jobId)) return { kind: "submitted", jobId, notes: [] };
  const said = answer.said === "" ? "it said nothing" : answer.said;
  // Its script has ended by itself; everything else may still come to life.
  if (answer.code === 69) return { kind: "refused", message: `Cannot start on the controller node: ${said}` };
  return { kind: "unknown", why: `Cannot see whether it has started: ${said}` };
}

async function find(shell: Shell, directory: string): Promise<string | undefined> {
  const answer = await sh(shell, IDENTIFY, [directory]);
  const jobId = answer.stdout.trim();
  if (answer.code === 0) return PROCESS.test(jobId) ? jobId : undefined;
  throw new CannotAsk(`Cannot read the session's directory: ${answer.said}`);
}

function endOf(code: string | undefined, isCanceled: boolean): JobEnd {
  if (code === undefined || !/^\d{1,3}$/.test(code)) {
    const how = isCanceled ? "canceled" : "unknown";
    const reason = isCanceled ? "It was killed after its cancel" : "It ended without a word: it was killed";
    return { kind: "ended", how, reason };
  }
  const exitCode = Number(code);
  if (isCanceled) return { kind: "ended", how: "canceled", exitCode, reason: "It was canceled" };
  const how = exitCode === 0 ? "completed" : "failed";
  const reason = exitCode === 0 ? "It ran to its end" : `It failed with exit code ${exitCode}`;
  return { kind: "ended", how, exitCode, reason };
}

/** The words of `STATUS` for one session: what, and what it knows of that. */
function parseStatus(line: string): JobStatus {
  const [what, ...rest] = line.split(" ");
  switch (what) {
    case "running":
      return { kind: "running", ...(rest[0] === undefined ? {} : { node: rest[0] }) };
    case "ended":
      return endOf(rest[1], rest[0] === "canceled");
    case "restarted":
      return { kind: "ended", how: "unknown", reason: "The controller node was restarted" };
    case "elsewhere": {
      const [there, here] = rest;
      return { kind: "unknown", why: `It runs on "${there}", and this is "${here}": name that host` };
    }
    case "not_found":
      return { kind: "not_found" };
    default:
      return { kind: "unknown", why: rest.length === 0 ? "its state was not told" : rest.join(" ") };
  }
}

async function status(
  shell: Shell,
  jobs: readonly JobRef[],
): Promise<ReadonlyMap<JobRef["session"], JobStatus>> {
  if (jobs.length === 0) return new Map();
  const args = jobs.flatMap(({ directory, jobId }) => [directory, jobId]);
  const answer = await tryAsk(shell, ["sh", "-s", ...args], { input: STATUS });
  const lines = answer instanceof CannotAsk ? [] : answer.stdout.trim().split("\n");
  const why = answer instanceof CannotAsk ? answer.message : `Cannot ask the controller node: ${answer.said}`;
  return new Map(
    jobs.map(({ session }, index) => {
      // Each line begins with its number, so that one which is missing is not another's.
      const line = lines.find((one) => one.startsWith(`${index} `));
      return [
        session,
        line === undefined ? { kind: "unknown", why } : parseStatus(line.slice(line.indexOf(" ") + 1)),
      ];
    }),
  );
}

async function cancel(
  shell: Shell,
  { session, directory, jobId }: JobRef,
  graceS: number,
): Promise<Cancellation> {
  const answer = await tryAsk(shell, ["sh", "-s", directory, jobId, session, String(graceS)], {
    input: CANCEL,
  });
  if (answer instanceof CannotAsk) return { kind: "unknown", why: answer.message };
  const [what] = answer.stdout.trim().split(" ");
  if (answer.code === 0 && (what === "canceled" || what === "gone")) return { kind: what };
  return { kind: "unknown", why: `Cannot end it on the controller node: ${answer.said}` };
}

/**
 * No scheduler: the session's script runs on the controller node itself, as a process group of its own that outlives the
 * connection. What a scheduler is asked for (walltime, memory, …) has no meaning here. `pid` (the start lock) and `exit`
 * in the session's directory are its script's; `host`, `canceled` and `scheduler.log` are written here.
 * @param graceS how long after the first `cancel` a later one kills, seconds
 */
export const noScheduler = (graceS = GRACE_S): Scheduler => ({
  name: "none",
  jobScript: ({ script }) => renderJobScript([], script),
  submit,
  find: async (shell, { directory }) => find(shell, directory),
  status,
  cancel: async (shell, job) => cancel(shell, job, graceS),
  partitions: async () => [],
});

export const none = noScheduler();
