import { randomFillSync } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { sessionId } from "../../../contract/ids.ts";
import { quote } from "../../script/quote.ts";
import type { JobRef, Scheduler } from "../../scheduler/scheduler.ts";
import { type Patient, runOn } from "./check.ts";

/** How a job of the doctor's ended. `waited`: in time there was no result, and it has been canceled. */
export type JobOutcome =
  | { kind: "done"; node: string; code: number; output: string }
  | { kind: "refused"; message: string }
  | { kind: "waited"; why: string };

/** What the job may take, seconds. */
const WALLTIME = 60;
/** For how long it may stay in the queue and run, milliseconds. */
const PATIENCE_MS = 90_000;
const INTERVAL_MS = 1000;
/** How much later than the job's end its files may be seen on NFS, milliseconds. */
const RESULT_LAG_MS = 10_000;

/** Makes a directory that the nodes share, with the script from standard input in it; prints its path. */
const PREPARE = `umask 077
directory=$HOME/.berth/doctor-$1
mkdir -p "$directory" && cat >"$directory/job.sh" && printf %s "$directory"`;

/** The script's output, then its code; whole or not at all. */
const wrap = (script: string, args: readonly string[]): string => `cd "$(dirname -- "$0")" || exit
bash --norc -c ${quote(script)} bash ${args.map(quote).join(" ")} >output 2>&1 </dev/null
printf '%s %s\\n' "$?" "$(hostname)" >result.tmp
cat output >>result.tmp
mv result.tmp result
`;

/**
 * Runs a script of bash as a job of one minute on one node, and waits for its result. Nothing of it stays.
 * @throws CannotAsk
 */
export async function runJob(patient: Patient, script: string, args: readonly string[]): Promise<JobOutcome> {
  const { scheduler, connection } = patient;
  if (scheduler === undefined) return { kind: "refused", message: "there is no scheduler" };
  const session = sessionId(randomFillSync);
  const { stdout } = await runOn(patient, ["sh", "-c", PREPARE, "sh", session], {
    input: wrap(script, args),
  });
  const directory = stdout.toString("utf8");
  try {
    const { defaults } = patient.definition;
    const request = { ...defaults, walltime: WALLTIME };
    const job = { session, directory, script: `${directory}/job.sh`, request };
    const submission = await scheduler.submit(connection, job);
    if (submission.kind === "refused") return { kind: "refused", message: submission.message };
    const jobId = submission.kind === "submitted" ? submission.jobId : await scheduler.find(connection, job);
    if (jobId === undefined)
      return { kind: "waited", why: submission.kind === "unknown" ? submission.why : "it cannot be found" };
    return await waitFor(patient, scheduler, { session, jobId, directory });
  } finally {
    await runOn(patient, ["rm", "-rf", "--", directory], { signal: new AbortController().signal }).catch(
      () => undefined,
    );
  }
}

async function waitFor(patient: Patient, scheduler: Scheduler, job: JobRef): Promise<JobOutcome> {
  const deadline = patient.now() + PATIENCE_MS;
  let why = "nothing is known of it";
  let endedAt: number | undefined;
  try {
    while (patient.now() < deadline) {
      const { code, stdout } = await runOn(patient, ["cat", `${job.directory}/result`]);
      if (code === 0) return readResult(stdout.toString("utf8"));
      const status = (await scheduler.status(patient.connection, [job])).get(job.session);
      if (status?.kind === "queued") why = `it waits in the queue (${status.reason ?? "no reason is given"})`;
      if (status?.kind === "running") why = `it runs on ${status.node ?? "a node"} without an end`;
      if (status?.kind === "ended") {
        why = status.reason;
        endedAt ??= patient.now();
        if (patient.now() - endedAt > RESULT_LAG_MS) break;
      }
      await delay(INTERVAL_MS, undefined, { signal: patient.signal });
    }
    return { kind: "waited", why };
  } finally {
    // Of a job that has ended nothing is left to cancel.
    await scheduler.cancel(patient.connection, job).catch(() => undefined);
  }
}

function readResult(text: string): JobOutcome {
  const [head = "", ...output] = text.split("\n");
  const [code = "1", node = "a node"] = head.split(" ");
  return { kind: "done", node, code: Number(code), output: output.join(" ").replaceAll(/\s+/g, " ").trim() };
}
