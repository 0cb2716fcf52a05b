import { open, readFile, rename } from "node:fs/promises";
import { z } from "zod";
import { BerthError } from "../../contract/problem.ts";
import { Readiness } from "../../contract/service.ts";
import { SessionReport, SessionSpec, Want } from "../../contract/session.ts";

/** The record's name in a session's directory. */
export const RECORD = "record.json";

/** How a session ended: the words for its service.json and its report. */
export const Outcome = z.object({
  state: z.enum(["completed", "failed", "canceled"]),
  status: z.string(),
  error: z.string(),
});
export type Outcome = z.infer<typeof Outcome>;

/** The status of a session that has been launched and not said anything else yet. */
export const STARTING = "Starting";

export const CANCELED: Outcome = { state: "canceled", status: "Canceled", error: "" };
export const failure = (error: string): Outcome => ({ state: "failed", status: "Failed", error });
/** A failure that is ours rather than the service's: in our own words, or what could not be done and what the system says. */
export function failureBy(what: string, error: unknown): Outcome {
  if (error instanceof BerthError) return failure(error.message);
  return failure(`${what}: ${error instanceof Error ? error.message : String(error)}`);
}

/** What every launch has: what was settled before it, and what has become of it since. Times in milliseconds since 1970. */
const launched = {
  /** The workspace port. */
  port: z.int(),
  startedAt: z.int(),
  readiness: Readiness,
  /** When it first ran: what ends after that has not failed to start. */
  readyAt: z.int().optional(),
  /** How much of `reports` has been acted upon, bytes. */
  reportsRead: z.int().default(0),
};

export const WorkspaceLaunch = z.object({
  ...launched,
  where: z.literal("workspace").default("workspace"),
  /** Names the boot in which it runs: pids and start times mean nothing in another one. */
  boot: z.string(),
});
export type WorkspaceLaunch = z.infer<typeof WorkspaceLaunch>;

export const ClusterLaunch = z.object({
  ...launched,
  where: z.literal("cluster"),
  resource: z.string(),
  /** The session's directory on the cluster, absolute. */
  directory: z.string(),
  /** Its controller.sh has been started, or is about to be. */
  isPreparing: z.boolean().default(false),
  /** A submit has begun: before another one it is looked for, since its outcome may not be known. */
  isSubmitting: z.boolean().default(false),
  /** The end of a submit was not seen: there may be more of its processes and jobs than the one that is known. */
  isInDoubt: z.boolean().default(false),
  jobId: z.string().optional(),
  /** When the scheduler took the job. */
  submittedAt: z.int().optional(),
  /** When the job began to run: from then on the service is to become ready. */
  jobStartedAt: z.int().optional(),
  /** The service listens, and the listener is the user's own. */
  isListening: z.boolean().default(false),
  node: z.string().optional(),
  /** When the scheduler will end it. */
  endsAt: z.int().optional(),
  /** The warnings of that end that have been given, minutes before it. */
  warned: z.array(z.int()).default([]),
});
export type ClusterLaunch = z.infer<typeof ClusterLaunch>;

export const Launch = z.union([ClusterLaunch, WorkspaceLaunch]);
export type Launch = z.infer<typeof Launch>;

const head = { version: z.literal(1), spec: SessionSpec, want: Want };

/**
 * The agent's memory of a session, `record.json`: what service.json, which anybody may edit, cannot be asked.
 * Each phase is written down before it is acted upon, so that an agent that died at any line goes on from there.
 */
export const SessionRecord = z.discriminatedUnion("phase", [
  /** Wanted; nothing has been started. */
  z.object({ ...head, phase: z.literal("submitted") }),
  /** Its process has been spawned, or is about to be. */
  z.object({ ...head, phase: z.literal("launched"), launch: Launch }),
  /** How it ends is settled, and since when. `alive`: it is ended by us, and its kill scripts run first. */
  z.object({
    ...head,
    phase: z.literal("ending"),
    launch: Launch,
    outcome: Outcome,
    alive: z.boolean(),
    endedAt: z.int().optional(),
  }),
  /** Nothing of it runs any more. */
  z.object({ ...head, phase: z.literal("ended"), report: SessionReport }),
]);
export type SessionRecord = z.infer<typeof SessionRecord>;

/**
 * Reads a record.
 * @returns undefined when there is none
 * @throws SyntaxError or ZodError when it is not a record
 */
export async function readRecord(path: string): Promise<SessionRecord | undefined> {
  try {
    return SessionRecord.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes a record so that a reader, or we after a crash, see the old one or the new one. It may hold passwords: 0600. */
export async function writeRecord(path: string, record: SessionRecord): Promise<void> {
  const next = `${path}.next`;
  const file = await open(next, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(record));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
}
