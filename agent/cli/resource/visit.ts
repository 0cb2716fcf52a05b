import type { Config } from "../../config.ts";
import type { Finding } from "../../finding.ts";
import type { Patient, ResourceCheck } from "../../resources/checks/check.ts";
import { diagnoseResource } from "../../resources/resource-doctor.ts";
import type { ResourceDefinition } from "../../resources/resource-definition.ts";
import { knownHostsPath } from "../../resources/resources.ts";
import { schedulerOf } from "../../scheduler/schedulers.ts";
import { SshConnection } from "../../ssh/connection.ts";
import type { PresentedHostKey } from "../../ssh/host-key.ts";
import { findingText } from "../findings.ts";
import { widthOf } from "../hanging.ts";
import { acceptCommand, acceptHostKey } from "./host-keys.ts";

/** What is slower than this is told while it goes on, milliseconds. */
const SLOW_MS = 1000;

export type VisitOptions = {
  acceptHostKey?: string[];
  withJob?: true;
  json?: true;
};

/** A cluster that a command line looks at, over a connection of its own; disposed, it is closed. */
export class Visit implements AsyncDisposable {
  readonly connection: SshConnection;
  readonly #name: string;
  readonly #knownHosts: string;
  readonly #options: VisitOptions;
  readonly #signal: AbortSignal;
  #slow: NodeJS.Timeout | undefined;

  constructor(
    name: string,
    { host, sshConfig }: Pick<ResourceDefinition, "host" | "sshConfig">,
    { config, options, signal }: { config: Config; options: VisitOptions; signal: AbortSignal },
  ) {
    this.#name = name;
    this.#knownHosts = knownHostsPath(config.home);
    this.#options = options;
    this.#signal = signal;
    this.connection = new SshConnection({
      destination: { host, ...(sshConfig !== undefined && { configFile: sshConfig }) },
      knownHosts: this.#knownHosts,
      // What goes wrong is a finding.
      log: { info: () => undefined, warn: () => undefined },
      random: Math.random,
    });
  }

  /** Has the doctor look, and prints what it finds as it finds it, unless JSON is wanted. */
  async examine(definition: ResourceDefinition, checks?: readonly ResourceCheck[]): Promise<Finding[]> {
    const patient: Patient = {
      name: this.#name,
      definition,
      connection: this.connection,
      scheduler: definition.scheduler === "none" ? undefined : schedulerOf(definition),
      acceptHostKey: (key) => this.#acceptHostKey(key),
      acceptCommand,
      now: Date.now,
      withJob: this.#options.withJob === true,
      signal: this.#signal,
    };
    const findings: Finding[] = [];
    try {
      for await (const step of diagnoseResource(patient, checks)) {
        if (step.kind === "begin") this.begin(step.what);
        else findings.push(this.show(step.finding));
      }
    } finally {
      clearTimeout(this.#slow);
    }
    return findings;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.connection[Symbol.asyncDispose]();
  }

  /** Says what goes on, should it take long; what is found next ends that. */
  begin(what: string): void {
    clearTimeout(this.#slow);
    this.#slow = setTimeout(() => process.stderr.write(`  … ${what}\n`), SLOW_MS);
  }

  /** Prints a finding unless JSON is wanted; returns it. */
  show(finding: Finding): Finding {
    clearTimeout(this.#slow);
    if (this.#options.json !== true) process.stdout.write(findingText(finding, widthOf(process.stdout)));
    return finding;
  }

  #acceptHostKey(key: PresentedHostKey): Promise<boolean> {
    clearTimeout(this.#slow);
    return acceptHostKey(key, {
      knownHosts: this.#knownHosts,
      accepted: this.#options.acceptHostKey ?? [],
      isInteractive: process.stdin.isTTY && process.stderr.isTTY && this.#options.json !== true,
    });
  }
}

/** Runs a task that Ctrl-C ends in good order: its connection is closed, its job is canceled. */
export async function interruptible(task: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  try {
    await task(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    process.exitCode = 130;
  } finally {
    process.off("SIGINT", interrupt);
  }
}
