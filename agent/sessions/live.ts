import { setTimeout as delay } from "node:timers/promises";
import { BerthError } from "../../contract/problem.ts";
import type { ServiceJson, ServiceJsonChanges } from "../../contract/service-json.ts";
import type { HeldPort } from "../ports.ts";
import { holdPort } from "../ports.ts";
import { untilReady } from "../readiness.ts";
import type { Report } from "../reports.ts";
import { ReportsFile } from "../reports.ts";
import type { ServiceFile } from "../service-file.ts";
import { outcomeOf, withLog } from "./exit.ts";
import { lead } from "./leader.ts";
import type { Launch, Outcome } from "./record.ts";
import { CANCELED, failure, failureBy, STARTING } from "./record.ts";
import type { Progress } from "./record-file.ts";
import type { SessionDirectory } from "./session-directory.ts";
import { readinessTarget } from "./session-report.ts";

/** How a session is to end. `alive`: it is still there, and Berth is to end it. */
export type Ending = { outcome: Outcome; alive: boolean };

export type LiveOptions = {
  directory: SessionDirectory;
  file: ServiceFile;
  launch: Launch;
  environment: NodeJS.ProcessEnv;
  /** The launch's port, held by whoever has just prepared it; undefined when another agent did. */
  held: HeldPort | undefined;
  /** The port that service.json names now. */
  port: () => number | undefined;
  /** Aborted when the user wants the session canceled. */
  canceled: AbortSignal;
  /** Aborted when the agent stops: the session goes on without it. */
  signal: AbortSignal;
  /** Called when we have written service.json; of other people's writing its events tell. */
  onWritten: () => void;
  onProgress: (progress: Progress) => Promise<void>;
  onNotify: (text: string) => void;
  clock: () => number;
};

/** A disk that is full now may have room again; milliseconds. */
const WRITE_AGAIN_MS = 2000;

/**
 * A launched session while it lives: its process, its readiness, what its script says, and who edits service.json.
 * What first settles how it ends, settles it.
 */
export class Live {
  readonly #options: LiveOptions;
  readonly #over = Promise.withResolvers<Ending>();
  /** Ends what makes sense only while the session lives. */
  readonly #watching = new AbortController();
  readonly #signal: AbortSignal;
  #launch: Launch;
  #isSpawned = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#launch = options.launch;
    this.#signal = AbortSignal.any([options.signal, this.#watching.signal]);
    // It may be rejected before anybody waits for it.
    this.#over.promise.catch(() => undefined);
  }

  /**
   * Starts the session's process, or finds it, and watches it until it is settled how the session ends.
   * @throws the reason of `options.signal`
   */
  async untilOver(): Promise<Ending> {
    const { directory, launch, canceled, signal } = this.#options;
    const cancel = (): void => this.#settle({ outcome: CANCELED, alive: true });
    const stop = (): void => this.#over.reject(signal.reason);
    canceled.addEventListener("abort", cancel, { once: true });
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (canceled.aborted) cancel();
      signal.throwIfAborted();
      await using reports = await ReportsFile.open(directory.path, launch.reportsRead, (report, offset) =>
        this.#reported(report, offset),
      );
      // Somebody may have edited it while no agent was there.
      this.edited(this.#file);
      void this.#guard(this.#followProcess(reports));
      if (launch.readyAt === undefined || this.#file.status === STARTING)
        void this.#guard(this.#followReadiness());
      const ending = await this.#over.promise;
      const hasRun = this.#isSpawned || (await directory.leader()) !== undefined;
      return { ...ending, alive: ending.alive && hasRun };
    } finally {
      this.#watching.abort();
      canceled.removeEventListener("abort", cancel);
      signal.removeEventListener("abort", stop);
    }
  }

  /**
   * Takes service.json as it stands, whoever wrote it. An ended status of a session that lives ends it like a cancel,
   * and the status and the message stay as they were written.
   */
  edited(value: ServiceJson): void {
    switch (value.phase) {
      case "pending":
        return;
      case "running":
        return void this.#guard(this.#isReady());
      case "failed":
      case "canceled":
      case "completed":
        return this.#settle({
          outcome: { state: value.phase, status: value.status, error: value.error },
          alive: true,
        });
      default:
        return value.phase satisfies never;
    }
  }

  /** service.json as it stands. It has been written before anything is launched, and keeps its last good state. */
  get #file(): ServiceJson {
    const { current } = this.#options.file;
    if (current === undefined) throw new Error("service.json is missing");
    return current;
  }

  #settle(ending: Ending): void {
    this.#over.resolve(ending);
    this.#watching.abort();
  }

  /** What goes wrong while nobody waits for it ends the session, unless that is over anyway. */
  async #guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (this.#signal.aborted) return;
      this.#settle({ outcome: failureBy("Cannot run the session", error), alive: true });
    }
  }

  async #followProcess(reports: ReportsFile): Promise<void> {
    const { directory, file, launch, environment, canceled } = this.#options;
    const mayStart = (): boolean => (this.#isSpawned = !canceled.aborted && !this.#signal.aborted);
    const isNew = this.#options.held !== undefined;
    const exit = await lead(directory, {
      boot: launch.boot,
      isNew,
      environment,
      mayStart,
      signal: this.#signal,
    });
    if (exit === undefined) return;
    // Its last words may say better than its exit code how it ended.
    await reports.refresh();
    await file.refresh();
    const lines = await directory.log.lastLines();
    this.#settle({ outcome: outcomeOf(exit, lines, this.#launch.readyAt !== undefined), alive: false });
  }

  async #followReadiness(): Promise<void> {
    const { directory, launch, port, clock } = this.#options;
    const { below, timeout } = launch.readiness;
    // After a restart of the agent the service may listen already, and nothing need be held.
    using held = this.#options.held ?? (await holdPort(launch.port).catch(() => undefined));
    const why = await untilReady({
      target: () => readinessTarget(launch, this.#file, port() ?? launch.port),
      below,
      timeoutMs: launch.startedAt + timeout * 1000 - clock(),
      onListening: () => held?.[Symbol.dispose](),
      signal: this.#signal,
    });
    if (why === undefined) {
      // Since when it runs is known before it is told; a crash in between is made good by the check in `untilOver`.
      const noted = this.#isReady();
      if (this.#file.phase === "pending") await this.#write({ status: "Running" });
      await noted;
    } else if (this.#launch.readyAt === undefined) {
      const message = `The service was not ready within ${timeout} s: ${why}`;
      this.#settle({ outcome: failure(withLog(message, await directory.log.lastLines())), alive: true });
    }
  }

  async #isReady(): Promise<void> {
    if (this.#launch.readyAt === undefined) await this.#progress({ readyAt: this.#options.clock() });
  }

  async #reported({ verb, text }: Report, offset: number): Promise<void> {
    switch (verb) {
      case "status":
        if (this.#file.phase === "pending") await this.#write({ status: text });
        break;
      case "notify":
        this.#options.onNotify(text);
        break;
      case "fail":
        this.#settle({ outcome: failure(text), alive: true });
        break;
      case "ready":
      case "ended":
        // In the workspace both can be seen.
        break;
      default:
        verb satisfies never;
    }
    await this.#progress({ reportsRead: offset });
  }

  async #progress(progress: Progress): Promise<void> {
    this.#launch = { ...this.#launch, ...progress };
    await this.#options.onProgress(progress);
  }

  /** A disk that is full or away must not end a session that lives: it is tried again while that is so. */
  async #write(changes: ServiceJsonChanges): Promise<void> {
    const { file, onWritten } = this.#options;
    for (;;) {
      try {
        await file.write(changes);
        return onWritten();
      } catch (error) {
        // What a script says may not make a valid file; that is its loss alone.
        if (error instanceof BerthError || this.#signal.aborted) return;
        await delay(WRITE_AGAIN_MS, undefined, { signal: this.#signal }).catch(() => undefined);
      }
    }
  }
}
