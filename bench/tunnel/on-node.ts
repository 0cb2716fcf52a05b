import { join } from "node:path";
import type { Argv } from "../../test/cluster/command.ts";
import type { Cluster } from "../../test/cluster/cluster.ts";
import { poll } from "../poll.ts";

/** The compute node that the service runs on, and whose it is. */
export const NODE = "c1";
export const USER = "ada";

/** A program that runs on the compute node until it is disposed of. */
export class OnNode implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  #end: string | undefined;

  constructor(cluster: Cluster, argv: Argv) {
    this.#ended = cluster.exec(NODE, argv, { user: USER, signal: this.#stop.signal }).then(
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

/** Starts the bench's service on a port of the compute node's loopback. */
export async function startService(cluster: Cluster, port: number, signal: AbortSignal): Promise<OnNode> {
  const script = join(import.meta.dirname, "../service.ts");
  const service = new OnNode(cluster, [process.execPath, script, `${port}`]);
  const listens = async (): Promise<boolean> =>
    (await cluster.listeners(NODE)).some(({ address }) => address === `127.0.0.1:${port}`);
  await service.until(listens, "service on the node", signal);
  return service;
}
