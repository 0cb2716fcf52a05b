import type { Launch, WorkspaceLaunch } from "./record.ts";
import { endSession } from "./ending.ts";
import { sessionEnvironment } from "./environment.ts";
import type { PreparationOptions } from "./preparation.ts";
import { prepare, recover } from "./preparation.ts";
import type { SessionSpec } from "../../contract/session.ts";
import type { HeldPort } from "../ports.ts";
import type { ServiceFile } from "../service-file.ts";
import type { EndOptions, Runner, Watch, WatchOptions } from "./runner.ts";
import { LogWatch } from "./log-watch.ts";
import type { SessionDirectory } from "./session-directory.ts";
import { WorkspaceLive } from "./workspace-live.ts";

function local(launch: Launch): WorkspaceLaunch {
  if (launch.where !== "workspace") throw new Error("the record is of a session on a cluster");
  return launch;
}

/** Runs a session as a process of this host. */
export class WorkspaceRunner implements Runner {
  readonly connect = undefined;
  readonly #spec: SessionSpec;
  readonly #directory: SessionDirectory;
  readonly #options: PreparationOptions;
  readonly #environment: NodeJS.ProcessEnv;
  #held: HeldPort | undefined;
  #logWatch: LogWatch | undefined;

  constructor(spec: SessionSpec, directory: SessionDirectory, options: PreparationOptions) {
    this.#spec = spec;
    this.#directory = directory;
    this.#options = options;
    this.#environment = sessionEnvironment(process.env, spec.id);
  }

  recover(file: ServiceFile): Promise<Launch | undefined> {
    return recover(this.#directory, file, this.#options);
  }

  async prepare(file: ServiceFile): Promise<Launch> {
    const { launch, held } = await prepare(this.#spec, this.#directory, file, this.#options);
    this.#held = held;
    return launch;
  }

  async watch(options: WatchOptions): Promise<Watch> {
    this.#logWatch ??= new LogWatch(this.#directory.log);
    return new WorkspaceLive({
      ...options,
      launch: local(options.launch),
      directory: this.#directory,
      environment: this.#environment,
      held: this.#held,
      clock: this.#options.clock,
    });
  }

  async end({ launch, alive, signal }: EndOptions): Promise<string[]> {
    this.#logWatch ??= new LogWatch(this.#directory.log);
    const left = await endSession(this.#directory, {
      launch: local(launch),
      alive,
      environment: this.#environment,
      signal,
    });
    if (left.length === 0) await this.#endLogWatch();
    const pids = left.map(({ pid }) => pid).join(", ");
    return left.length === 0 ? [] : [`Some processes of ${this.#spec.name} cannot be ended: ${pids}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
    await this.#endLogWatch();
  }

  async #endLogWatch(): Promise<void> {
    const watch = this.#logWatch;
    this.#logWatch = undefined;
    await watch?.[Symbol.asyncDispose]();
  }
}
