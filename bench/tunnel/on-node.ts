import type { Argv } from "../../test/cluster/command.ts";
import type { Cluster } from "../../test/cluster/cluster.ts";
import type { HostName } from "../../test/cluster/layout.ts";
import { poll } from "../poll.ts";

/** Whose everything on the cluster is. */
export const USER = "ada";

/** A program that runs on a compute node until it is disposed of. */
export class OnNode implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #end: string | undefined;

  constructor(cluster: Cluster, node: HostName, argv: Argv) {
    this.#ended = cluster.exec(node, argv, { user: USER, signal: this.#stop.signal }).then(
      ({ code, stderr }) => void (this.#end = `${argv[0]} ended with ${code}: ${stderr}`),
      (error: unknown) => void (this.#end = String(error)),
    );
  }

  /** Waits until `probe` gives something. @throws Error when the program ends before */
  async until(probe: () => Promise<boolean>, what: string, signal: AbortSignal): Promise<void> {
    const alive = (): Promise<boolean> => {
      if (this.#end !== undefined) throw new Error(`No ${what}: ${this.#end}`);
      return probe();
    };
    await poll(alive, { timeoutMs: 30_000, what, signal, everyMs: 50 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }
}
