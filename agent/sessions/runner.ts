import type { ServiceJson } from "../../contract/service-json.ts";
import type { SessionReport } from "../../contract/session.ts";
import type { Connect } from "../relay/tunnel-agent.ts";
import type { ServiceFile } from "../service-file.ts";
import type { Launch, Outcome } from "./record.ts";
import type { Progress } from "./record-file.ts";

/** How a session is to end. `alive`: it is still there, and Berth is to end it. */
export type Ending = { outcome: Outcome; alive: boolean };

/** What is known of a session besides its service.json: its job, where it has one. */
export type JobFacts = Pick<SessionReport, "jobId" | "node" | "endsAt" | "queue" | "trouble"> & {
  /** How far the job itself is; without a job `started`. */
  progress: "submitted" | "queued" | "started";
};

export const NO_JOB: JobFacts = { progress: "started" };

export type WatchOptions = {
  file: ServiceFile;
  launch: Launch;
  /** The port that service.json names now. */
  port: () => number | undefined;
  /** Aborted when the user wants the session canceled. */
  canceled: AbortSignal;
  /** Aborted when the agent stops: the session goes on without it. */
  signal: AbortSignal;
  /** Called when we have written service.json, or something else is known; of other people's writing its events tell. */
  onChange: () => void;
  /** Notes what is learned of the launch. With `must`, only returns when it is on disk. */
  onProgress: (progress: Progress, options?: { must: boolean }) => Promise<void>;
  onNotify: (level: "info" | "warning" | "error", text: string) => void;
};

/** A launched session that is being watched. */
export interface Watch {
  readonly job: JobFacts;
  /**
   * Starts what runs, or finds it, and watches it until it is settled how the session ends.
   * @throws the reason of `signal`
   */
  untilOver(): Promise<Ending>;
  /**
   * Takes service.json as it stands, whoever wrote it. An ended status of a session that lives ends it like a cancel,
   * and the status and the message stay as they were written.
   */
  edited(value: ServiceJson): void;
}

export type EndOptions = {
  launch: Launch;
  /** It is still there: its kill scripts run first. */
  alive: boolean;
  /** Aborted when the agent stops. */
  signal: AbortSignal;
  /** What keeps the end from being reached now, for the user; undefined when nothing does any more. */
  onTrouble: (trouble: string | undefined) => void;
};

/** How one session is started, watched and ended where its placement says. */
export interface Runner extends AsyncDisposable {
  /** How the service is reached where it does not listen on this host. */
  readonly connect: Connect | undefined;
  /**
   * Takes over a session that has been started although no record says so: nothing may be started a second time.
   * @returns undefined when it has not been started
   */
  recover(file: ServiceFile): Promise<Launch | undefined>;
  /**
   * Makes what the start needs, service.json included, but does not start it. Repeatable; a later one overwrites what an
   * earlier one wrote.
   * @param options.signal aborted when the start is not wanted any more
   * @param options.onTrouble called with what keeps it from being made ready now
   * @throws BerthError when the session cannot be started so; Error when the disk refuses; the signal's reason
   */
  prepare(
    file: ServiceFile,
    options: { signal: AbortSignal; onTrouble: (trouble: string) => void },
  ): Promise<Launch>;
  /** @throws CannotAsk when nothing can be known of it now */
  watch(options: WatchOptions): Promise<Watch>;
  /**
   * Ends what is left of a session, until nothing is found. Repeatable.
   * @returns what could not be ended, a sentence each
   */
  end(options: EndOptions): Promise<string[]>;
}
