import { Cluster } from "../../test/cluster/cluster.ts";
import { freePort } from "../free-port.ts";
import type { Stage } from "../measure.ts";
import { Peer } from "../peer.ts";
import type { Target } from "../target.ts";
import { BerthTunnel } from "./berth-tunnel.ts";
import { startService } from "./on-node.ts";
import { OpenSshTunnel } from "./open-ssh-tunnel.ts";

export type TunnelStageOptions = {
  /** The directory of a cluster that is up already; without it one is brought up. */
  cluster?: string | undefined;
  /**
   * Where a session of the bench's service on that cluster is reached through the whole of Berth. It is compared with
   * the whole of the peer, configurable-http-proxy in front of its tunnel; without it the two tunnels are by themselves.
   */
  berth?: Omit<Target, "name"> | undefined;
  rounds: number;
  signal: AbortSignal;
};

const straight = (name: Target["name"], port: number): Target => ({
  name,
  host: "127.0.0.1",
  port,
  prefix: "",
  headers: {},
});

/** The bench's service on a compute node, and the ways to it from the workspace. */
export class TunnelStage implements AsyncDisposable, Stage {
  readonly targets: readonly Target[];
  readonly rounds: number;
  readonly signal: AbortSignal;
  readonly #stack: AsyncDisposableStack;

  private constructor(targets: readonly Target[], options: TunnelStageOptions, stack: AsyncDisposableStack) {
    this.targets = targets;
    this.rounds = options.rounds;
    this.signal = options.signal;
    this.#stack = stack;
  }

  static async start(options: TunnelStageOptions): Promise<TunnelStage> {
    const { berth, signal } = options;
    await using stack = new AsyncDisposableStack();
    const cluster = await openCluster(options, stack);
    const service = await freePort();
    stack.use(await startService(cluster, service, signal));
    const openSsh = stack.use(await OpenSshTunnel.start(cluster, service, signal));
    const targets: Target[] = [];
    if (berth === undefined) {
      const tunnel = stack.use(await BerthTunnel.start(cluster, service, signal));
      targets.push(straight("berth", tunnel.port), straight("peer", openSsh.port));
    } else {
      const peer = stack.use(await Peer.start(berth.prefix, openSsh.port, signal));
      targets.push({ ...berth, name: "berth" }, peer.target);
    }
    return new TunnelStage(targets, options, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

async function openCluster({ cluster }: TunnelStageOptions, stack: AsyncDisposableStack): Promise<Cluster> {
  if (cluster === undefined) return stack.use(await Cluster.up());
  const found = await Cluster.open(cluster);
  if (found === undefined) throw new Error(`Cannot use the cluster in "${cluster}": it is not up.`);
  return found;
}
