import { setTimeout as delay } from "node:timers/promises";
import type { FollowedJob } from "../../scheduler/monitor.ts";
import type { JobEnd, JobStatus } from "../../scheduler/scheduler.ts";
import { withLog } from "../exit.ts";
import type { LiveOptions } from "../live.ts";
import { Live } from "../live.ts";
import type { ClusterLaunch } from "../record.ts";
import { failure, STARTING } from "../record.ts";
import type { JobFacts } from "../runner.ts";
import { jobOf, readinessTarget } from "../session-report.ts";
import type { ClusterSite } from "./cluster-site.ts";
import { jobOutcome } from "./job-end.ts";
import { PREPARING, QUEUED } from "./cluster-status.ts";
import type { Output } from "./output.ts";
import type { SessionTunnel, SessionTunnelOptions } from "./session-tunnel.ts";
import { whyNotReady } from "./readiness.ts";
import { startJob } from "./start.ts";
import { Trouble } from "./trouble.ts";
import { WalltimeClock } from "./walltime-warnings.ts";

/** How long the scheduler's word on a job that has ended is waited for, milliseconds: it says best why. */
const LAST_WORD_MS = 15_000;
/** A job that the scheduler does not know is gone when it is so for this long, and not by its tunnel; milliseconds. */
const ABSENT_MS = 10_000;

export type ClusterLiveOptions = LiveOptions<ClusterLaunch> & {
  site: ClusterSite;
  output: Output;
  /** Opens the tunnel for what the script reports. */
  openTunnel: (options: Pick<SessionTunnelOptions, "onReport" | "onChange">) => SessionTunnel;
  /** Puts the session's files onto the cluster. @returns whether a controller.sh is among them */
  fill: () => Promise<boolean>;
};

/** A session on a cluster while it lives: its preparation, its job, its tunnel, its output and its walltime. */
export class ClusterLive extends Live<ClusterLaunch> {
  readonly #options: ClusterLiveOptions;
  readonly #trouble: Trouble;
  readonly #listening = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<JobEnd | undefined>();
  #facts: JobFacts;
  #tunnel: SessionTunnel | undefined;
  #followed: FollowedJob | undefined;
  #submitting: Promise<unknown> = Promise.resolve();
  #exitCode: number | undefined;
  #absentSince: number | undefined;
  #isProbing = false;
  readonly #walltime: WalltimeClock;

  constructor(options: ClusterLiveOptions) {
    super(options);
    this.#options = options;
    this.#trouble = new Trouble(options.clock);
    this.#facts = jobOf(options.launch);
    this.#walltime = new WalltimeClock({
      name: options.site.spec.name,
      clock: options.clock,
      onWarning: (text, minutes) => void this.guard(this.#warned(text, minutes)),
    });
    if (this.launch.isListening) this.#listening.resolve();
  }

  get job(): JobFacts {
    const { text } = this.#trouble;
    return { ...this.#facts, ...(text !== undefined && { trouble: text }) };
  }

  protected async follow(stack: AsyncDisposableStack): Promise<void> {
    this.#tunnel = this.#options.openTunnel({
      onReport: (report, offset) => this.reported(report, offset),
      onChange: (isUp) => this.#tunnelChanged(isUp),
    });
    stack.defer(() => {
      this.#followed?.[Symbol.dispose]();
      this.#walltime[Symbol.dispose]();
    });
    // Somebody may have edited it while no agent was there.
    this.edited(this.file);
    void this.guard(this.#run());
  }

  /** A submit that is under way is waited for: what it may have started must be ended. */
  protected async hasStarted(): Promise<boolean> {
    await this.#submitting.catch(() => undefined);
    return true;
  }

  protected async saw(verb: "ready" | "ended", text: string): Promise<void> {
    if (verb === "ready") {
      await this.progress({ isListening: true });
      this.#listening.resolve();
      return;
    }
    const code = Number(text);
    this.#exitCode = Number.isInteger(code) ? code : undefined;
    void this.guard(this.#scriptEnded());
  }

  async #run(): Promise<void> {
    if (this.launch.jobId === undefined) {
      this.#submitting = this.#submit();
      const isSubmitted = await this.#submitting;
      if (isSubmitted !== true) return;
    }
    this.#tunnel?.publish();
    this.#options.output.follow();
    this.#followJob();
    this.#watchWalltime();
    if (this.launch.jobStartedAt !== undefined) this.#probe();
    void this.guard(this.#jobEnded());
  }

  /** From nothing to a job. False when the session is settled otherwise. */
  async #submit(): Promise<boolean> {
    const { site, fill, output } = this.#options;
    await this.#become(PREPARING);
    const started = await startJob({
      site,
      fill,
      output,
      launch: this.launch,
      signal: this.signal,
      onTrouble: (why) => this.#cannotReach(why),
      onProgress: (progress) => this.progress(progress, { must: true }),
      onReport: ({ verb, text }) => this.took(verb, text),
    });
    if ("refused" in started) {
      this.settle({ outcome: failure(started.refused), alive: true });
      return false;
    }
    await this.progress({ jobId: started.jobId }, { must: true });
    for (const note of started.notes) this.options.onNotify("warning", note);
    await this.#know({ ...this.#facts, jobId: started.jobId }, true);
    return !this.signal.aborted;
  }

  #followJob(): void {
    const { jobId } = this.launch;
    if (jobId === undefined) return;
    const { jobs } = this.#options.site;
    this.#followed = jobs.follow(this.#options.site.job(jobId), "urgent", (status) => {
      void this.guard(this.#jobIs(status));
    });
  }

  async #jobIs(status: JobStatus): Promise<void> {
    if (this.signal.aborted) return;
    if (status.kind === "unknown") {
      if (this.#trouble.set("Cannot ask the scheduler", status.why)) this.options.onChange();
      return;
    }
    const wasInTrouble = this.#trouble.clear();
    if (status.kind !== "not_found") this.#absentSince = undefined;
    switch (status.kind) {
      case "queued": {
        const { kind: _kind, ...queue } = status;
        await this.#know({ ...this.#facts, progress: "queued", queue }, wasInTrouble);
        await this.#become(QUEUED);
        // Starts are told by the tunnel at once; the place in the queue may take its time.
        if (this.#followed !== undefined) this.#followed.pace = "calm";
        return;
      }
      case "running":
        await this.#runs(status, wasInTrouble);
        return;
      case "ended":
        this.#ended.resolve(status);
        return;
      case "not_found":
        if (wasInTrouble) this.options.onChange();
        this.#isAbsent();
        return;
      default:
        status satisfies never;
    }
  }

  async #runs(status: Extract<JobStatus, { kind: "running" }>, isNews: boolean): Promise<void> {
    const { queue: _queue, ...facts } = this.#facts;
    const { node, endsAt } = status;
    const learned = { ...(node !== undefined && { node }), ...(endsAt !== undefined && { endsAt }) };
    await this.#know({ ...facts, progress: "started", ...learned }, isNews);
    if (node !== this.launch.node || endsAt !== this.launch.endsAt) await this.progress(learned);
    await this.#begins();
    this.#watchWalltime();
    if (this.#followed !== undefined)
      this.#followed.pace = this.launch.readyAt === undefined ? "urgent" : "calm";
  }

  /** The job runs: by the scheduler's word, or because its tunnel is up. */
  async #begins(): Promise<void> {
    if (this.launch.jobStartedAt !== undefined) return;
    await this.progress({ jobStartedAt: this.options.clock() });
    await this.#become(STARTING);
    this.#probe();
  }

  /** Says how far the job is, where the script has not said anything yet. */
  async #become(status: string): Promise<void> {
    const ours: readonly string[] = [PREPARING, QUEUED, STARTING];
    if (this.file.status !== status && ours.includes(this.file.status)) await this.write({ status });
  }

  async #know(facts: JobFacts, isNews: boolean): Promise<void> {
    const isSame = JSON.stringify(facts) === JSON.stringify(this.#facts);
    this.#facts = facts;
    if (!isSame || isNews) this.options.onChange();
  }

  #tunnelChanged(isUp: boolean): void {
    if (!isUp || this.signal.aborted) return;
    if (this.#facts.progress !== "started") {
      const { queue: _queue, ...facts } = this.#facts;
      this.#facts = { ...facts, progress: "started" };
      this.options.onChange();
      // Only the scheduler knows on which node, and until when.
      if (this.#followed !== undefined) this.#followed.pace = "urgent";
    }
    void this.guard(this.#begins());
  }

  #cannotReach(why: string | undefined): void {
    const isNews =
      why === undefined ? this.#trouble.clear() : this.#trouble.set("The cluster cannot be asked", why);
    if (isNews) this.options.onChange();
  }

  /** Nobody has ever heard of the job: true only when it stays so, and nothing is heard from the job itself. */
  #isAbsent(): void {
    const now = this.options.clock();
    this.#absentSince ??= now;
    if (this.#tunnel?.isUp !== true && now - this.#absentSince >= ABSENT_MS) this.#ended.resolve(undefined);
  }

  /** The script has said its last. The scheduler says better than an exit code why it was ended. */
  async #scriptEnded(): Promise<void> {
    if (this.#exitCode === 0) {
      this.#ended.resolve(undefined);
      return;
    }
    if (this.#followed !== undefined) this.#followed.pace = "urgent";
    await delay(LAST_WORD_MS, undefined, { signal: this.signal });
    this.#ended.resolve(undefined);
  }

  async #jobEnded(): Promise<void> {
    const end = await this.#ended.promise;
    if (this.signal.aborted) return;
    const { output, site } = this.#options;
    // Its last words may say better how it ended. A cluster that is away now must not keep the end from being told.
    const code = await Promise.all([output.drain(), this.#exitCode ?? site.remote.exitCode()])
      .then(([, exit]) => exit)
      .catch(() => this.#exitCode);
    await this.options.file.refresh();
    const outcome = jobOutcome(end, code, await output.lastLines(), this.launch.readyAt !== undefined);
    this.settle({ outcome, alive: false });
  }

  /** Waits until the service is ready, once its job runs. */
  #probe(): void {
    if (this.#isProbing || (this.launch.readyAt !== undefined && this.file.status !== STARTING)) return;
    this.#isProbing = true;
    void this.guard(this.#untilReady());
  }

  async #untilReady(): Promise<void> {
    const { timeout } = this.launch.readiness;
    const why = await whyNotReady({
      launch: this.launch,
      isListening: this.#listening.promise,
      target: () => ({
        ...readinessTarget(this.launch, this.file, this.launch.port),
        connect: () => this.#connect(),
      }),
      clock: this.options.clock,
      signal: this.signal,
    });
    if (why === undefined) {
      const noted = this.noteReady();
      if (this.file.phase === "pending") await this.write({ status: "Running" });
      await noted;
    } else if (this.launch.readyAt === undefined) {
      const message = `The service was not ready within ${timeout} s: ${why}`;
      await this.#options.output.drain().catch(() => undefined);
      const lines = await this.#options.output.lastLines();
      this.settle({ outcome: failure(withLog(message, lines)), alive: true });
    }
  }

  async #connect(): ReturnType<SessionTunnel["connect"]> {
    if (this.#tunnel === undefined) throw new Error("there is no tunnel");
    return await this.#tunnel.connect();
  }

  async #warned(text: string, minutes: number): Promise<void> {
    await this.progress({ warned: [...this.launch.warned, minutes] });
    this.options.onNotify("warning", text);
    this.#watchWalltime();
  }

  #watchWalltime(): void {
    const { jobStartedAt, endsAt, warned } = this.launch;
    this.#walltime.set({
      warned,
      ...(jobStartedAt !== undefined && { startedAt: jobStartedAt }),
      ...(endsAt !== undefined && { endsAt }),
    });
  }
}
