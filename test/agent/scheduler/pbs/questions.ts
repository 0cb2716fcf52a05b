import type { PbsDialect } from "../../../../agent/scheduler/pbs/dialect.ts";
import { pbs } from "../../../../agent/scheduler/pbs.ts";
import type { JobStatus } from "../../../../agent/scheduler/scheduler.ts";
import { SessionId } from "../../../../contract/ids.ts";
import type { RecordedShell } from "../../../support/recorded-shell.ts";

const session = (index: number): SessionId => SessionId.parse(`s${String(index).padStart(12, "0")}`);

/** What is said of each of the jobs, in their order. */
export async function statusesOf(
  shell: RecordedShell,
  dialect: PbsDialect,
  ...jobIds: string[]
): Promise<(JobStatus | undefined)[]> {
  const jobs = jobIds.map((jobId, index) => ({
    session: session(index),
    jobId,
    directory: `/home/alice/${index}`,
  }));
  const statuses = await pbs({ dialect }).status(shell, jobs);
  return jobs.map(({ session: id }) => statuses.get(id));
}

/** The same, of what kind it is. */
export const kindsOf = async (...question: Parameters<typeof statusesOf>): Promise<(string | undefined)[]> =>
  (await statusesOf(...question)).map((status) => status?.kind);

/** How OpenPBS is asked, in JSON and in text, and for its history. */
export const json = (...ids: string[]) => ["qstat", "-f", "-F", "json", ...ids];
export const text = (...ids: string[]) => ["qstat", "-f", "-w", ...ids];
export const past = (...ids: string[]) => ["qstat", "-x", "-f", "-F", "json", ...ids];
export const pastText = (...ids: string[]) => ["qstat", "-x", "-f", "-w", ...ids];
