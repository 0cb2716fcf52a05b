import { setTimeout as delay } from "node:timers/promises";
import { BerthError } from "../../contract/problem.ts";
import type { ServiceJson, ServiceJsonChanges } from "../../contract/service-json.ts";
import type { Report } from "../reports.ts";
import { withLog } from "./exit.ts";
import type { Launch } from "./record.ts";
import { CANCELED, failure, failureBy } from "./record.ts";
import type { Progress } from "./record-file.ts";
import type { Ending, JobFacts, Watch, WatchOptions } from "./runner.ts";

/** A disk that is full now may have room again; milliseconds. */
const WRITE_AGAIN_MS = 2000;

export type LiveOptions<Kind extends Launch> = Omit<WatchOptions, "launch"> & {
  launch: Kind;
  clock: () => number;
};

/**
 * A launched session while it lives: how far it is, what its script says, and who edits service.json. What first
 * settles how it ends, settles it. How the rest is learned depends on where it runs.
 */
export abstract class Live<Kind extends Launch> implements Watch {
  protected readonly options: LiveOptions<Kind>;
  /** Aborted when nothing of the session need be watched any more. */
  protected readonly signal: AbortSignal;
  protected launch: Kind;
  readonly #over = Promise.withResolvers<Ending>();
  /** Ends what makes sense only while the session lives. */
  readonly #watching = new AbortController();
  #writing: Promise<void> = Promise.resolve();

  constructor(options: LiveOptions<Kind>) {
    this.options = options;
    this.launch = options.launch;
    this.signal = AbortSignal.any([options.signal, this.#watching.signal]);
    // It may be rejected before anybody waits for it.
    this.#over.promise.catch(() => undefined);
  }

  abstract get job(): JobFacts;

  async untilOver(): Promise<Ending> {
    const { canceled, signal } = this.options;
    const cancel = (): void => this.settle({ outcome: CANCELED, alive: true });
    const stop = (): void => this.#over.reject(signal.reason);
    canceled.addEventListener("abort", cancel, { once: true });
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (canceled.aborted) cancel();
      signal.throwIfAborted();
      await using stack = new AsyncDisposableStack();
      await this.follow(stack);
      const ending = await this.#over.promise;
      return { ...ending, alive: ending.alive && (await this.hasStarted()) };
    } finally {
      this.#watching.abort();
      canceled.removeEventListener("abort", cancel);
      signal.removeEventListener("abort", stop);
    }
  }

  /** Begins to watch; what is to be closed once that is over goes onto the stack. */
  protected abstract follow(stack: AsyncDisposableStack): Promise<void>;

  /** Whether anything of the session may be there that needs ending. */
  protected abstract hasStarted(): Promise<boolean>;

  edited(value: ServiceJson): void {
    switch (value.phase) {
      case "pending":
        return;
      case "running":
        return void this.guard(this.noteReady());
      case "failed":
      case "canceled":
      case "completed":
        return this.settle({
          outcome: { state: value.phase, status: value.status, error: value.error },
          alive: true,
        });
      default:
        return value.phase satisfies never;
    }
  }

  /** service.json as it stands. It has been written before anything is launched, and keeps its last good state. */
  protected get file(): ServiceJson {
    const { current } = this.options.file;
    if (current === undefined) throw new Error("service.json is missing");
    return current;
  }

  protected settle(ending: Ending): void {
    this.#over.resolve(ending);
    this.#watching.abort();
  }

  /** What goes wrong while nobody waits for it ends the session, unless that is over anyway. */
  protected async guard(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (this.signal.aborted) return;
      this.settle({ outcome: failureBy("Cannot run the session", error), alive: true });
    }
  }

  /**
   * Takes what came of waiting for the service to be ready.
   * @param why undefined when it is; else why it is not within its budget
   * @param lastLines reads the end of the log
   */
  protected async waited(why: string | undefined, lastLines: () => Promise<string[]>): Promise<void> {
    if (why === undefined) {
      // Since when it runs is known before it is told; a crash in between is made good when it is found `Starting`.
      const noted = this.noteReady();
      if (this.file.phase === "pending") await this.write({ status: "Running" });
      await noted;
    } else if (this.launch.readyAt === undefined) {
      const message = `The service was not ready within ${this.launch.readiness.timeout} s: ${why}`;
      this.settle({ outcome: failure(withLog(message, await lastLines())), alive: true });
    }
  }

  /** Notes that it runs; since when is kept. */
  protected async noteReady(): Promise<void> {
    if (this.launch.readyAt === undefined) await this.progress({ readyAt: this.options.clock() });
  }

  /** The script says that the service listens, or that it has ended with the exit code `text`. */
  protected abstract saw(verb: "ready" | "ended", text: string): void | Promise<void>;

  /** Takes what the session's script says, and notes that it was taken. */
  protected async reported({ verb, text }: Report, offset: number): Promise<void> {
    await this.took(verb, text);
    await this.progress({ reportsRead: offset });
  }

  /** Takes what a script says. */
  protected async took(verb: Report["verb"], text: string): Promise<void> {
    switch (verb) {
      case "status":
        await this.write({ status: text }, () => this.file.phase === "pending");
        break;
      case "notify":
        this.options.onNotify("info", text);
        break;
      case "fail":
        this.settle({ outcome: failure(text), alive: true });
        break;
      case "ready":
      case "ended":
        await this.saw(verb, text);
        break;
      default:
        verb satisfies never;
    }
  }

  protected async progress(progress: Progress, options?: { must: boolean }): Promise<void> {
    this.launch = { ...this.launch, ...progress };
    await this.options.onProgress(progress, options);
  }

  /**
   * Writes in the order of the calls. A disk that is full or away must not end a session that lives: it is tried again
   * while that is so.
   * @param isRight asked when its turn comes: what has been overtaken is not written
   */
  protected write(changes: ServiceJsonChanges, isRight: () => boolean = () => true): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeInTurn(changes, isRight));
    return this.#writing;
  }

  async #writeInTurn(changes: ServiceJsonChanges, isRight: () => boolean): Promise<void> {
    const { file, onChange } = this.options;
    while (isRight()) {
      try {
        await file.write(changes);
        return onChange();
      } catch (error) {
        // What a script says may not make a valid file; that is its loss alone.
        if (error instanceof BerthError || this.signal.aborted) return;
        await delay(WRITE_AGAIN_MS, undefined, { signal: this.signal }).catch(() => undefined);
      }
    }
  }
}
