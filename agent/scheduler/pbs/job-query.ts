import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import { cleaned, tryAsk } from "../ask.ts";
import type { PbsDialect } from "./dialect.ts";
import type { Outcome } from "./exit-codes.ts";
import { outcomeOf } from "./exit-codes.ts";
import type { Attributes, Listing } from "./listing.ts";
import { readJson, readText, readXml } from "./listing.ts";

/** What is known of a job: `finished` and `absent` are the scheduler's word, `unasked` is none. */
export type Found =
  | { kind: "listed"; job: Attributes }
  | { kind: "finished" }
  | { kind: "absent" }
  | { kind: "unasked"; why: string };

/**
 * How jobs are asked for and read. OpenPBS has JSON, which no value can forge; Torque's XML has epochs and escapes; text
 * is all that SchedMD's scripts have, and what is left when a value of OpenPBS's JSON spoils it.
 */
type Format = { argv: readonly [string, ...string[]]; read: (text: string) => Listing | undefined };

const text = (dialect: PbsDialect) => (output: string) => readText(output, dialect);
const json = (output: string) => readJson(output, "Jobs");

const FORMATS: Record<PbsDialect, { now: Format; nowText?: Format; past?: Format; pastText?: Format }> = {
  openpbs: {
    now: { argv: ["qstat", "-f", "-F", "json"], read: json },
    nowText: { argv: ["qstat", "-f", "-w"], read: text("openpbs") },
    // Without a history `-x` lists no job at all, a running one neither, and exits 0: it is never asked first.
    past: { argv: ["qstat", "-x", "-f", "-F", "json"], read: json },
    pastText: { argv: ["qstat", "-x", "-f", "-w"], read: text("openpbs") },
  },
  torque: { now: { argv: ["qstat", "-x"], read: (output) => readXml(output, "Job", "Job_Id") } },
  slurm: { now: { argv: ["qstat", "-f"], read: text("slurm") } },
};

/** `342.pbs01` and `342` are one job. */
const sequence = (id: string): string => id.split(".", 1)[0] ?? id;

type Reply =
  | { kind: "answered"; jobs: Listing; outcome: Outcome; said: string }
  | { kind: "unreadable" }
  | { kind: "unasked"; why: string };

async function query(
  shell: Shell,
  dialect: PbsDialect,
  format: Format,
  ids: readonly string[],
): Promise<Reply> {
  const answer = await tryAsk(shell, [...format.argv, ...ids]);
  if (answer instanceof CannotAsk) return { kind: "unasked", why: answer.message };
  const outcome = outcomeOf(dialect, "qstat", answer.code, answer.said);
  // Valid JSON without jobs is also what a server that is down leaves on stdout: the exit code comes first.
  if (outcome === "unreachable")
    return {
      kind: "unasked",
      why: `qstat (exit ${answer.code ?? "by a signal"}): ${answer.said || "no text"}`,
    };
  const listing = outcome === "usage" ? undefined : format.read(answer.stdout);
  if (listing === undefined) return { kind: "unreadable" };
  const jobs = new Map([...listing].map(([id, job]) => [sequence(id), job]));
  return { kind: "answered", jobs, outcome, said: cleaned(answer.stderr) };
}

async function queryOne(shell: Shell, dialect: PbsDialect, when: "now" | "past", id: string): Promise<Reply> {
  const { now, nowText, past, pastText } = FORMATS[dialect];
  const [first, second] = when === "now" ? [now, nowText] : [past, pastText];
  const reply = first === undefined ? undefined : await query(shell, dialect, first, [id]);
  if (reply?.kind !== "unreadable" || second === undefined)
    return reply ?? { kind: "answered", jobs: new Map(), outcome: "done", said: "" };
  return query(shell, dialect, second, [id]);
}

/** Of a job that qstat has called finished: what its history has. */
async function fromHistory(shell: Shell, dialect: PbsDialect, id: string): Promise<Found> {
  const reply = await queryOne(shell, dialect, "past", id);
  if (reply.kind === "unasked") return reply;
  const job = reply.kind === "answered" ? reply.jobs.get(sequence(id)) : undefined;
  return job === undefined ? { kind: "finished" } : { kind: "listed", job };
}

/** What the answer to a query for this job alone says of it. */
async function judge(shell: Shell, dialect: PbsDialect, id: string, reply: Reply): Promise<Found> {
  if (reply.kind === "unasked") return reply;
  if (reply.kind === "unreadable") return { kind: "unasked", why: "What qstat printed cannot be read" };
  const job = reply.jobs.get(sequence(id));
  if (job !== undefined) return { kind: "listed", job };
  if (reply.outcome === "unknown_job") return { kind: "absent" };
  if (reply.outcome === "finished") return fromHistory(shell, dialect, id);
  // A server with query_other_jobs = False passes over a job in silence.
  return { kind: "unasked", why: reply.said || `qstat does not show job ${id}` };
}

const askOne = async (shell: Shell, dialect: PbsDialect, id: string): Promise<Found> =>
  judge(shell, dialect, id, await queryOne(shell, dialect, "now", id));

/** Those of the jobs that an answer leaves open; the others are noted. */
function take(ids: readonly string[], reply: Reply, found: Map<string, Found>): string[] {
  if (reply.kind !== "answered") return [...ids];
  return ids.filter((id) => {
    const job = reply.jobs.get(sequence(id));
    if (job !== undefined) found.set(id, { kind: "listed", job });
    return job === undefined;
  });
}

/**
 * Whether JSON has told of all that it could. One value spoils it for all the jobs; OpenPBS's main branch lists only the
 * first of several that were asked for by id, and exits 0.
 */
function isPartial(reply: Reply, asked: number, open: number): boolean {
  if (reply.kind !== "answered") return reply.kind === "unreadable";
  return asked > 1 && open > 0 && (open > 1 || reply.outcome === "done");
}

/**
 * Asks for all the jobs at once; for those that JSON does not tell of, once more in text; for those that are not listed
 * then, in the history. Of several ids one sets the exit code, so that it is no word on the others: what is still open
 * is asked for one by one.
 */
export async function askJobs(
  shell: Shell,
  dialect: PbsDialect,
  jobIds: readonly string[],
): Promise<ReadonlyMap<string, Found>> {
  const ids = [...new Set(jobIds)];
  const found = new Map<string, Found>();
  const { now, nowText, pastText } = FORMATS[dialect];
  if (ids.length === 0) return found;
  let reply = await query(shell, dialect, now, ids);
  let open = take(ids, reply, found);
  if (nowText !== undefined && isPartial(reply, ids.length, open.length)) {
    reply = await query(shell, dialect, nowText, open);
    open = take(open, reply, found);
  }
  // SchedMD's qstat reads all of Slurm's jobs in one go: what it does not list is not there.
  const settled: Found | undefined =
    reply.kind === "unasked" ? reply : dialect === "slurm" ? { kind: "absent" } : undefined;
  if (settled !== undefined) for (const id of open.splice(0)) found.set(id, settled);
  const [only] = open;
  if (only !== undefined && open.length === 1)
    return found.set(only, await judge(shell, dialect, only, reply));
  if (open.length > 1 && pastText !== undefined)
    open = take(open, await query(shell, dialect, pastText, open), found);
  for (const id of open) found.set(id, await askOne(shell, dialect, id));
  return found;
}
