import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import { Partition, type Resource as ResourceReport } from "../../contract/resource.ts";
import { type Placement, TEXT_LIMITS } from "../../contract/session.ts";
import { JobMonitor } from "../scheduler/monitor.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import { CONTROLLER, schedulerOf } from "../scheduler/schedulers.ts";
import type { SshState } from "../ssh/connection.ts";
import { SshConnection } from "../ssh/connection.ts";
import { CannotAsk } from "../ssh/shell.ts";
import { FileFollower } from "./file-follower.ts";
import type { ResourceDefinition } from "./resource-definition.ts";

/** How often the partitions are read: while sessions are there, and else. Milliseconds. */
const REFRESH_MS = { used: 60_000, idle: 300_000 } as const;
/** A lost connection is told of after this, milliseconds. */
const LOSS_MS = 10_000;
const ASK_TIMEOUT_MS = 30_000;

/** What a session needs to know of a cluster. */
export type ClusterFacts = {
  /** The user's home there, absolute. */
  home: string;
  /** What the controller calls itself, and the port of its sshd as the cluster sees it. */
  host: string;
  port: number;
};

export type ResourceOptions = {
  name: string;
  definition: ResourceDefinition;
  /** Berth's own known_hosts file. */
  knownHosts: string;
  log: Pick<Logger, "info" | "warn">;
  clock: () => number;
  random: () => number;
  onChange: () => void;
};

const FACTS = `printf '%s\\n' "$HOME"; hostname; printf '%s\\n' "$SSH_CONNECTION"`;

/** A login may say more than the link carries. */
const textOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, TEXT_LIMITS.trouble);

/** Without what a scheduler spells so that it is no partition, such as numbers without an end: that would cost the link. */
export const sound = (partitions: readonly Partition[]): Partition[] =>
  partitions.filter((partition) => Partition.safeParse(partition).success);

/** A cluster that the agent works with: its one connection, its jobs, its files, and what is known of it. */
export class Resource implements AsyncDisposable {
  readonly name: string;
  readonly definition: ResourceDefinition;
  readonly connection: SshConnection;
  readonly files: FileFollower;
  readonly #options: ResourceOptions;
  readonly #stack = new AsyncDisposableStack();
  readonly #stopped = new AbortController();
  readonly #schedulers: Record<Exclude<Placement, "workspace">, { scheduler: Scheduler; jobs: JobMonitor }>;
  readonly #refreshing: Promise<void>;
  #users = 0;
  #partitions: Partition[] = [];
  #askedAt: number | null = null;
  #trouble: ResourceReport["trouble"] = null;
  #isUnasked = true;
  #loss: NodeJS.Timeout | undefined;

  constructor(options: ResourceOptions) {
    const { name, definition, knownHosts, log, random } = options;
    this.name = name;
    this.definition = definition;
    this.#options = options;
    const { host, sshConfig } = definition;
    this.connection = this.#stack.use(
      new SshConnection({
        destination: { host, ...(sshConfig !== undefined && { configFile: sshConfig }) },
        knownHosts,
        log,
        random,
      }),
    );
    this.files = this.#stack.use(new FileFollower(this.connection));
    const monitored = (scheduler: Scheduler): { scheduler: Scheduler; jobs: JobMonitor } => ({
      scheduler,
      jobs: this.#stack.use(new JobMonitor(scheduler, this.connection)),
    });
    this.#schedulers = { controller: monitored(CONTROLLER), compute: monitored(schedulerOf(definition)) };
    this.#stack.use(this.connection.onChange((state) => this.#connectionIs(state)));
    this.#refreshing = this.#keepFresh();
  }

  /** What hands out the places of a placement, and the jobs there. */
  at(placement: Exclude<Placement, "workspace">): { scheduler: Scheduler; jobs: JobMonitor } {
    return this.#schedulers[placement];
  }

  /** Keeps the connection while a session is there. */
  use(): Disposable {
    const kept = this.connection.keep();
    this.#users += 1;
    let isOver = false;
    return {
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        this.#users -= 1;
        kept[Symbol.dispose]();
      },
    };
  }

  /** True while a session is there. */
  get isUsed(): boolean {
    return this.#users > 0;
  }

  /** As the edge is told of it. */
  get report(): ResourceReport {
    const { name, definition } = this;
    const isUp = this.#trouble === null || this.connection.state.kind === "up";
    return {
      name,
      scheduler: definition.scheduler,
      host: definition.host,
      state: this.#isUnasked ? "unasked" : isUp ? "reachable" : "unreachable",
      trouble: this.#trouble,
      partitions: this.#partitions,
      ...(definition.defaults !== undefined && { defaults: definition.defaults }),
      askedAt: this.#askedAt,
    };
  }

  /** @throws CannotAsk */
  async facts(signal?: AbortSignal): Promise<ClusterFacts> {
    const { code, stdout } = await this.connection.run(["sh", "-c", FACTS], {
      timeoutMs: ASK_TIMEOUT_MS,
      ...(signal !== undefined && { signal }),
    });
    const [home = "", host = "", ssh = ""] = stdout.toString().split("\n");
    if (code !== 0 || !home.startsWith("/") || host === "")
      throw new CannotAsk(`${this.name} does not say where your home is`);
    // sshd(8): client address, client port, server address, server port.
    const port = Number(ssh.split(" ")[3]);
    return { home, host: host.trim(), port: Number.isInteger(port) && port > 0 ? port : 22 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    this.#forgetLoss();
    await this.#stack.disposeAsync();
    await this.#refreshing;
  }

  /** A loss is told when it lasts: most are over within a second or two. */
  #connectionIs(state: SshState): void {
    if (state.kind === "down") this.#loss ??= setTimeout(() => this.#lost(state), LOSS_MS);
    if (state.kind !== "up") return;
    this.#forgetLoss();
    if (this.#trouble === null || this.#isUnasked) return;
    this.#trouble = null;
    this.#options.onChange();
  }

  #lost({ why, since }: Extract<SshState, { kind: "down" }>): void {
    if (this.#trouble !== null) return;
    this.#trouble = { text: textOf(why), since };
    this.#options.onChange();
  }

  #forgetLoss(): void {
    clearTimeout(this.#loss);
    this.#loss = undefined;
  }

  /** Reads the partitions now and again. A cluster that cannot be asked keeps what was last known of it. */
  async #keepFresh(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await this.#refresh();
      const pause = this.isUsed ? REFRESH_MS.used : REFRESH_MS.idle;
      await delay(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  async #refresh(): Promise<void> {
    const { clock, onChange } = this.#options;
    const before = this.report;
    try {
      // Not every scheduler is asked for its partitions. Without a hurry: after a failure the pause holds.
      await this.connection.run(["true"], { timeoutMs: ASK_TIMEOUT_MS, signal: this.#stopped.signal });
      this.#partitions = sound(await this.#schedulers.compute.scheduler.partitions(this.connection));
      this.#askedAt = clock();
      this.#trouble = null;
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#trouble = { text: textOf(error), since: this.#trouble?.since ?? clock() };
    }
    this.#isUnasked = false;
    if (!isDeepStrictEqual({ ...before, askedAt: null }, { ...this.report, askedAt: null })) onChange();
  }
}
