import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { LaunchRequest } from "../../contract/session.ts";
import { Cluster } from "../../test/cluster/cluster.ts";
import { NODES } from "../../test/cluster/layout.ts";
import type { Api, BenchSession } from "../api.ts";
import { Berth } from "../berth.ts";
import type { BerthStage } from "../measure.ts";
import { Peer } from "../peer.ts";
import { poll } from "../poll.ts";
import type { Target } from "../target.ts";
import { LISTENER } from "./listener.ts";
import { USER } from "./on-node.ts";
import { OpenSshTunnel } from "./open-ssh-tunnel.ts";

const RESOURCE = "hopper";

/** A launch as a job on a compute node. */
export const COMPUTE = { placement: "compute", resource: RESOURCE } satisfies Partial<LaunchRequest>;

const Where = z.object({ host: z.enum(NODES), port: z.number() });

/** A cluster, a Berth that knows it, the bench's service on a compute node, and the ways to it from the workspace. */
export class TunnelStage implements AsyncDisposable, BerthStage {
  readonly cluster: Cluster;
  readonly berth: Berth;
  readonly targets: readonly Target[];
  readonly rounds: number;
  readonly signal: AbortSignal;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: {
      cluster: Cluster;
      berth: Berth;
      targets: readonly Target[];
      rounds: number;
      signal: AbortSignal;
    },
    stack: AsyncDisposableStack,
  ) {
    this.cluster = parts.cluster;
    this.berth = parts.berth;
    this.targets = parts.targets;
    this.rounds = parts.rounds;
    this.signal = parts.signal;
    this.#stack = stack;
  }

  static async start({ rounds, signal }: { rounds: number; signal: AbortSignal }): Promise<TunnelStage> {
    await using stack = new AsyncDisposableStack();
    const cluster = stack.use(await Cluster.up());
    const berth = stack.use(await Berth.start(signal, { listener: LISTENER }));
    await addResource(berth, cluster, signal);
    const { id } = await berth.api.launch("bench", COMPUTE);
    const session = await berth.api.running(id);
    const port = session.port ?? Number.NaN;
    const { host: node, port: listening } = await whereIs(berth.api, session);
    const openSsh = stack.use(await OpenSshTunnel.start(cluster, { node, port: listening }, signal));
    const through = berth.target(port);
    const peer = stack.use(await Peer.start(through.prefix, openSsh.port, signal));
    // The session's port in the workspace: the tunnel without the edge and the relay.
    const tunnel: Target = { name: "direct", host: "127.0.0.1", port, prefix: "", headers: {} };
    const targets = [through, peer.target, tunnel];
    return new TunnelStage({ cluster, berth, targets, rounds, signal }, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** Tells Berth of the cluster, and is back when it has asked it. */
async function addResource({ home, api }: Berth, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const definition = { host: cluster.alias(USER), sshConfig: cluster.sshConfig, scheduler: "slurm" };
  // JSON is YAML.
  await writeFile(join(home, "resources.yaml"), JSON.stringify({ [RESOURCE]: definition }), { mode: 0o600 });
  const isReachable = async (): Promise<boolean> =>
    (await api.resources()).some(({ name, state }) => name === RESOURCE && state === "reachable");
  await poll(isReachable, { timeoutMs: 60_000, what: "the cluster in Berth", signal, everyMs: 100 });
}

/** The service's own word on where it listens. */
async function whereIs(api: Api, { url }: BenchSession): Promise<z.infer<typeof Where>> {
  const response = await fetch(new URL("since", `${api.origin}${url ?? ""}`), { headers: api.headers });
  return Where.parse(await response.json());
}
