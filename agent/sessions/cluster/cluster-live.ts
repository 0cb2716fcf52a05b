import { setTimeout as delay } from "node:timers/promises";
import type { JobEnd } from "../../scheduler/scheduler.ts";
import type { LiveOptions } from "../live.ts";
import { Live } from "../live.ts";
import type { ClusterLaunch } from "../record.ts";
import { failure, STARTING } from "../record.ts";
import type { JobFacts } from "../runner.ts";
import { jobOf, readinessTarget } from "../session-report.ts";
import type { ClusterSite } from "./cluster-site.ts";
import { jobOutcome, lostTheLock } from "./job-end.ts";
import { JobWatch } from "./job-watch.ts";
import { PREPARING, QUEUED } from "./cluster-status.ts";
import type { Output } from "./output.ts";
import type { SessionTunnel, SessionTunnelOptions } from "./session-tunnel.ts";
import { whyNotReady } from "./readiness.ts";
import { startJob } from "./start.ts";
import { untilAsked } from "./submission.ts";
import { WalltimeClock } from "./walltime-warnings.ts";

/** How long the scheduler's word on a job that has ended is waited for, milliseconds: it says best why. */
const LAST_WORD_MS = 15_000;

/** What service.json says of a session's job where its script has said nothing. */
const OURS: ReadonlySet<string> = new Set([PREPARING, QUEUED, STARTING]);

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
  readonly #job: JobWatch;
  readonly #walltime: WalltimeClock;
  readonly #listening = Promise.withResolvers<void>();
  #ended = Promise.withResolvers<JobEnd | undefined>();
  #tunnel: SessionTunnel | undefined;
  #submitting: Promise<unknown> = Promise.resolve();
  #exitCode: number | undefined;
  #isProbing = false;
  /** The last that was said of how far the job is. */
  #told: string | undefined;

  constructor(options: ClusterLiveOptions) {
    super(options);
    this.#options = options;
    const { site } = options;
    this.#job = new JobWatch({
      facts: jobOf(options.launch),
      clock: options.clock,
      isHeard: () => this.#tunnel?.isUp === true,
      hasEnded: async () => (await site.remote.exitCode()) !== undefined,
      onChange: () => this.#ifWatched(options.onChange),
      onQueued: () => this.#ifWatched(() => void this.guard(this.#become(QUEUED))),
      onHopeless: (reason) =>
        this.settle({ outcome: failure(`The scheduler will never start it. ${reason}`), alive: true }),
      onRuns: () => this.#ifWatched(() => void this.guard(this.#runs())),
      onEnded: (end) => this.#ended.resolve(end),
    });
    this.#walltime = new WalltimeClock({
      name: site.spec.name,
      clock: options.clock,
      onWarning: (text, minutes) => void this.guard(this.#warned(text, minutes)),
    });
    if (this.launch.isListening) this.#listening.resolve();
  }

  get job(): JobFacts {
    return this.#job.facts;
  }

  protected async follow(stack: AsyncDisposableStack): Promise<void> {
    this.#tunnel = this.#options.openTunnel({
      onReport: (report, offset) => this.reported(report, offset),
      onChange: (isUp) => this.#tunnelChanged(isUp),
    });
    stack.defer(() => {
      this.#job[Symbol.dispose]();
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
      onTrouble: (why) => this.#job.cannotAsk(why),
      onProgress: (progress) => this.progress(progress, { must: true }),
      onReport: ({ verb, text }) => this.took(verb, text),
    });
    if ("refused" in started) {
      this.settle({ outcome: failure(started.refused), alive: true });
      return false;
    }
    // A disk that is full now loses nothing: it would be found again by its name.
    await this.progress({ jobId: started.jobId, submittedAt: this.options.clock() });
    for (const note of started.notes) this.options.onNotify("warning", note);
    this.#job.submitted(started.jobId);
    // What controller.sh said last is over, and the job cannot have said anything yet.
    if (this.launch.isPreparing) await this.write({ status: QUEUED });
    return !this.signal.aborted;
  }

  #followJob(): void {
    const { jobId } = this.launch;
    const { site } = this.#options;
    if (jobId !== undefined) this.#job.follow(site.jobs, site.job(jobId));
  }

  /** What is told of a session that is over disturbs what is told of its end. */
  #ifWatched(tell: () => void): void {
    if (!this.signal.aborted) tell();
  }

  async #runs(): Promise<void> {
    const { node, endsAt } = this.#job.facts;
    const begins = this.#begins();
    if (node !== this.launch.node || endsAt !== this.launch.endsAt)
      await this.progress({ ...(node !== undefined && { node }), ...(endsAt !== undefined && { endsAt }) });
    await begins;
    this.#watchWalltime();
    this.#job.isUrgent = this.launch.readyAt === undefined;
  }

  /** The job runs: by the scheduler's word, or because its tunnel is up. */
  async #begins(): Promise<void> {
    if (this.launch.jobStartedAt !== undefined) return;
    await this.progress({ jobStartedAt: this.options.clock() });
    // It counts from now on, also while service.json cannot be written.
    const told = this.#become(STARTING);
    this.#probe();
    await told;
  }

  /** Says how far the job is, where the script has not said anything yet. */
  async #become(status: string): Promise<void> {
    if (this.#told === status) return;
    this.#told = status;
    await this.write({ status }, () => this.file.status !== status && OURS.has(this.file.status));
  }

  #tunnelChanged(isUp: boolean): void {
    if (!isUp || this.signal.aborted) return;
    this.#job.isHeard();
    void this.guard(this.#begins());
  }

  /** The script has said its last. The scheduler says better than an exit code why it was ended. */
  async #scriptEnded(): Promise<void> {
    if (this.#exitCode === 0) {
      this.#ended.resolve(undefined);
      return;
    }
    this.#job.isUrgent = true;
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
    if (lostTheLock(end, code) && (await this.#findOther())) return;
    await this.options.file.refresh();
    const outcome = jobOutcome(end, code, await output.lastLines(), this.launch.readyAt !== undefined);
    this.settle({ outcome, alive: false });
  }

  /** Of two jobs one runs the session: where ours came too late, the other is ours from now on. @returns whether there is one */
  async #findOther(): Promise<boolean> {
    const { scheduler, request, resource } = this.#options.site;
    const jobId = await untilAsked(() => scheduler.find(resource.connection, request), {
      signal: this.signal,
      onTrouble: (why) => this.#job.cannotAsk(why),
    });
    if (jobId === undefined || jobId === this.launch.jobId || this.signal.aborted) return false;
    await this.progress({ jobId, isInDoubt: true });
    this.#job.submitted(jobId);
    this.#ended = Promise.withResolvers();
    this.#options.output.follow();
    this.#followJob();
    void this.guard(this.#jobEnded());
    return true;
  }

  /** Waits until the service is ready, once its job runs. */
  #probe(): void {
    if (this.#isProbing || (this.launch.readyAt !== undefined && this.file.status !== STARTING)) return;
    this.#isProbing = true;
    void this.guard(this.#untilReady());
  }

  async #untilReady(): Promise<void> {
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
    await this.waited(why, async () => {
      const { output } = this.#options;
      await output.drain().catch(() => undefined);
      return await output.lastLines();
    });
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
