import type { HeldPort } from "../ports.ts";
import { holdPort } from "../ports.ts";
import { untilReady } from "../readiness.ts";
import { ReportsFile } from "../reports.ts";
import { outcomeOf } from "./exit.ts";
import { lead } from "./leader.ts";
import type { LiveOptions } from "./live.ts";
import { Live } from "./live.ts";
import type { WorkspaceLaunch } from "./record.ts";
import { STARTING } from "./record.ts";
import type { JobFacts } from "./runner.ts";
import { NO_JOB } from "./runner.ts";
import type { SessionDirectory } from "./session-directory.ts";
import { readinessTarget } from "./session-report.ts";

export type WorkspaceLiveOptions = LiveOptions<WorkspaceLaunch> & {
  directory: SessionDirectory;
  environment: NodeJS.ProcessEnv;
  /** The launch's port, held by whoever has just prepared it; undefined when another agent did. */
  held: HeldPort | undefined;
};

/** A session in the workspace while it lives: its process, its readiness, and the file its script reports to. */
export class WorkspaceLive extends Live<WorkspaceLaunch> {
  readonly #workspace: WorkspaceLiveOptions;
  #isSpawned = false;

  constructor(options: WorkspaceLiveOptions) {
    super(options);
    this.#workspace = options;
  }

  get job(): JobFacts {
    return NO_JOB;
  }

  protected async follow(stack: AsyncDisposableStack): Promise<void> {
    const { directory } = this.#workspace;
    const reports = stack.use(
      await ReportsFile.open(directory.path, this.launch.reportsRead, (report, offset) =>
        this.reported(report, offset),
      ),
    );
    // Somebody may have edited it while no agent was there.
    this.edited(this.file);
    void this.guard(this.#followProcess(reports));
    if (this.launch.readyAt === undefined || this.file.status === STARTING)
      void this.guard(this.#followReadiness());
  }

  protected async hasStarted(): Promise<boolean> {
    return this.#isSpawned || (await this.#workspace.directory.leader()) !== undefined;
  }

  protected saw(): void {
    // In the workspace both can be seen.
  }

  async #followProcess(reports: ReportsFile): Promise<void> {
    const { directory, environment, held } = this.#workspace;
    const { file, canceled } = this.options;
    const mayStart = (): boolean => (this.#isSpawned = !canceled.aborted && !this.signal.aborted);
    const exit = await lead(directory, {
      boot: this.launch.boot,
      isNew: held !== undefined,
      environment,
      mayStart,
      signal: this.signal,
    });
    if (exit === undefined) return;
    // Its last words may say better than its exit code how it ended.
    await reports.refresh();
    await file.refresh();
    const lines = await directory.log.lastLines();
    this.settle({ outcome: outcomeOf(exit, lines, this.launch.readyAt !== undefined), alive: false });
  }

  async #followReadiness(): Promise<void> {
    const { launch } = this;
    const { port, clock } = this.options;
    const { below, timeout } = launch.readiness;
    // After a restart of the agent the service may listen already, and nothing need be held.
    using held = this.#workspace.held ?? (await holdPort(launch.port).catch(() => undefined));
    const why = await untilReady({
      target: () => readinessTarget(launch, this.file, port() ?? launch.port),
      below,
      timeoutMs: launch.startedAt + timeout * 1000 - clock(),
      onListening: () => held?.[Symbol.dispose](),
      signal: this.signal,
    });
    await this.waited(why, () => this.#workspace.directory.log.lastLines());
  }
}
