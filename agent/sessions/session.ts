import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { SessionId } from "../../contract/ids.ts";
import type { ServiceJson } from "../../contract/service-json.ts";
import { type SessionReport, type SessionSpec, TEXT_LIMITS } from "../../contract/session.ts";
import { isAllowedPort } from "../ports.ts";
import { ServiceFile } from "../service-file.ts";
import { CannotAsk } from "../ssh/shell.ts";
import type { PreparationOptions } from "./preparation.ts";
import type { Launch, Outcome, SessionRecord } from "./record.ts";
import { CANCELED, failureBy, STARTING } from "./record.ts";
import { RecordFile } from "./record-file.ts";
import type { Runner, Watch } from "./runner.ts";
import { NO_JOB } from "./runner.ts";
import type { SessionDirectory } from "./session-directory.ts";
import { endedReport, fitting, jobOf, liveReport, submittedReport } from "./session-report.ts";

/** What a session has to say to its user, as the link's `notify` carries it. */
export type Notice = { session: SessionId; level: "info" | "warning" | "error"; text: string };

export type SessionContext = Pick<PreparationOptions, "refusedPorts" | "clock"> & {
  runner: (spec: SessionSpec, directory: SessionDirectory) => Runner;
  log: Pick<Logger, "info" | "warn" | "error">;
  onReport: (report: SessionReport) => void;
  onNotify: (notice: Notice) => void;
};

type Ending = Extract<SessionRecord, { phase: "ending" }>;

/** An end that its user has asked for. */
const isWish = ({ want, outcome }: Ending): boolean => want === "cancel" && outcome.state === "canceled";

const TRY_AGAIN_MS = 5000;

/**
 * One session on this workspace, from the wish to the end. It goes through the phases of its record, each of which is
 * on disk before it is acted upon; `begin` goes on from whichever it is in.
 */
export class Session implements AsyncDisposable {
  readonly directory: SessionDirectory;
  readonly #context: SessionContext;
  readonly #runner: Runner;
  readonly #stopped = new AbortController();
  readonly #canceled = new AbortController();
  readonly #record: RecordFile;
  #report: SessionReport;
  /** The last port that service.json named and that a session may be on. */
  #port: number | undefined;
  #watch: Watch | undefined;
  #running: Promise<void> | undefined;

  constructor(record: SessionRecord, directory: SessionDirectory, context: SessionContext) {
    this.directory = directory;
    this.#record = new RecordFile(record, directory, context.log);
    this.#context = context;
    this.#runner = context.runner(record.spec, directory);
    this.#report = record.phase === "ended" ? record.report : submittedReport(record.spec.id);
    if (record.want === "cancel") this.#canceled.abort();
  }

  get spec(): SessionSpec {
    return this.#record.current.spec;
  }

  /** What was last told of it, or is about to be. */
  get report(): SessionReport {
    return this.#record.current.phase === "ended" ? this.#record.current.report : this.#report;
  }

  /** How the service is reached where it does not listen on this host. */
  get connect(): Runner["connect"] {
    return this.#runner.connect;
  }

  /** True once nothing of it runs any more. */
  get isEnded(): boolean {
    return this.#record.current.phase === "ended";
  }

  /** Learns how an earlier agent left the session: the first that is told of it must not be older than the last. */
  async recall(): Promise<void> {
    const record = this.#record.current;
    if (record.phase !== "launched" && record.phase !== "ending") return;
    await using file = await ServiceFile.open(this.directory.path, {
      onChange: () => undefined,
      onBroken: () => undefined,
    });
    const { current } = file;
    if (current === undefined) return;
    const port = this.#isAllowed(current.port) ? current.port : record.launch.port;
    this.#report = liveReport(this.spec.id, record.launch, current, port, jobOf(record.launch));
    // That one has been told already.
    if (record.phase === "ending" && !isWish(record)) this.#report = this.#endOf(record);
  }

  /** Goes on from where the record stands: starts, finds again, or ends. Does nothing while that is under way. */
  begin(): void {
    if (this.isEnded || this.#stopped.signal.aborted) return;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  /** Ends the session, in whatever phase it is. Repeatable. */
  cancel(): void {
    if (this.isEnded) return;
    if (this.#record.current.want !== "cancel") {
      void this.#record.wantCancel();
      // From here on nothing is started; what has been is ended only once the wish is on disk.
      this.#canceled.abort();
    }
    this.begin();
  }

  /** Lets go of the session; its processes go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    await this.#record.written;
  }

  /** Tries again what goes wrong: a host that is out of files or memory now must not leave a session unwatched. */
  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!this.isEnded && !signal.aborted) {
      try {
        await this.#goOn();
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof CannotAsk) this.#inTrouble(error.message);
        this.#context.log.error({ err: error, session: this.spec.id }, "a session is stuck");
        await delay(TRY_AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #goOn(): Promise<void> {
    await this.directory.make();
    await using file = await ServiceFile.open(this.directory.path, {
      onChange: (value) => {
        this.#changed(value);
        this.#watch?.edited(value);
      },
      onBroken: (reason) =>
        this.#say(`service.json cannot be read, and its last good state stands: ${reason}`),
    });
    try {
      for (let record = this.#record.current; record.phase !== "ended"; record = this.#record.current) {
        this.#stopped.signal.throwIfAborted();
        if (record.phase === "submitted") await this.#start(file);
        else if (record.phase === "launched") await this.#follow(file, record.launch);
        else await this.#end(file, record);
      }
    } finally {
      await this.#runner[Symbol.asyncDispose]();
    }
  }

  async #start(file: ServiceFile): Promise<void> {
    if (this.#record.current.want === "cancel") return await this.#close(file, CANCELED);
    const signal = AbortSignal.any([this.#canceled.signal, this.#stopped.signal]);
    try {
      const launch =
        (await this.#runner.recover(file)) ??
        (await this.#runner.prepare(file, { signal, onTrouble: (trouble) => this.#inTrouble(trouble) }));
      // What is started without a record could be started twice.
      await this.#record.mustEnter({ phase: "launched", launch });
    } catch (error) {
      this.#stopped.signal.throwIfAborted();
      if (this.#canceled.signal.aborted) return await this.#close(file, CANCELED);
      this.#context.log.warn({ err: error, session: this.spec.id }, "a session cannot start");
      await this.#close(file, failureBy("Cannot start the session", error));
    }
  }

  async #follow(file: ServiceFile, launch: Launch): Promise<void> {
    // Somebody may have deleted it while no agent was there.
    if (file.current === undefined)
      await file.write({
        port: launch.port,
        status: launch.readyAt === undefined ? STARTING : "Running",
      });
    this.#port = launch.port;
    const watching = this.#runner.watch({
      file,
      launch,
      port: () => this.#port,
      canceled: this.#canceled.signal,
      signal: this.#stopped.signal,
      onChange: () => this.#changed(file.current),
      onProgress: (progress, { must } = { must: false }) =>
        must ? this.#record.mustProgress(progress) : this.#record.progress(progress),
      onNotify: (level, text) => this.#notify(level, text === "" ? `${this.spec.name} is ready` : text),
    });
    try {
      this.#watch = await watching;
      this.#changed(file.current);
      const ending = await this.#watch.untilOver();
      // What was learned of it while it lived.
      const { current } = this.#record;
      const last = current.phase === "launched" ? current.launch : launch;
      const endedAt = this.#context.clock();
      await this.#record.enter({ phase: "ending", launch: last, ...ending, endedAt });
    } catch (error) {
      // What cannot be watched can still be ended.
      if (!(error instanceof CannotAsk) || !this.#canceled.signal.aborted) throw error;
      await this.#record.enter({ phase: "ending", launch, outcome: CANCELED, alive: true });
    } finally {
      this.#watch = undefined;
    }
  }

  /**
   * A cancel is told when nothing is left: that is what it promises. Any other end is a fact at once, also while what
   * is left of the session is still being ended.
   */
  async #end(file: ServiceFile, ending: Ending): Promise<void> {
    const { launch, outcome, alive } = ending;
    if (!isWish(ending)) {
      await this.#publish(file, outcome);
      this.#tell(this.#endOf(ending));
    }
    const left = await this.#runner.end({
      launch,
      alive,
      signal: this.#stopped.signal,
      onTrouble: (trouble) => this.#inTrouble(trouble),
    });
    for (const text of left) this.#notify("warning", text);
    await this.#close(file, outcome);
  }

  #endOf({ outcome, endedAt }: Ending): SessionReport {
    return endedReport(this.#report, outcome, endedAt ?? this.#context.clock());
  }

  /** Nothing of it runs: the end is written down and told. */
  async #close(file: ServiceFile, outcome: Outcome): Promise<void> {
    await this.#publish(file, outcome);
    const report = endedReport(this.#report, outcome, this.#context.clock());
    await this.#record.enter({ phase: "ended", report });
    this.#tell(report);
  }

  /** Tells what service.json says; of an ended status `#end` tells, once that has been written down. */
  #changed(value: ServiceJson | undefined): void {
    const record = this.#record.current;
    if (value === undefined || record.phase !== "launched") return;
    if (this.#isAllowed(value.port)) this.#port = value.port;
    else
      this.#say(`service.json names the port ${value.port}, which is Berth's own; the last good one stands`);
    if (value.phase === "pending" || value.phase === "running")
      this.#tell(liveReport(this.spec.id, record.launch, value, this.#port, this.#watch?.job ?? NO_JOB));
  }

  #isAllowed(port: number | undefined): boolean {
    return port === undefined || isAllowedPort(port, this.#context.refusedPorts);
  }

  #tell(report: SessionReport): void {
    if (isDeepStrictEqual(report, this.#report)) return;
    this.#report = report;
    this.#context.onReport(report);
  }

  /** Tells what keeps the session from going on now; undefined when nothing does any more. */
  #inTrouble(trouble: string | undefined): void {
    const { trouble: _before, ...report } = this.#report;
    this.#tell(fitting({ ...report, ...(trouble !== undefined && { trouble }) }));
  }

  #notify(level: Notice["level"], text: string): void {
    this.#context.onNotify({ session: this.spec.id, level, text: text.slice(0, TEXT_LIMITS.notice) });
  }

  #say(text: string): void {
    this.directory.log.say(text).catch((error: unknown) => {
      this.#context.log.warn({ err: error, session: this.spec.id }, text);
    });
  }

  async #publish(file: ServiceFile, { status, error }: Outcome): Promise<void> {
    try {
      await file.write({ status, error });
    } catch (trouble) {
      this.#context.log.warn({ err: trouble, session: this.spec.id }, "cannot write service.json");
    }
  }
}
