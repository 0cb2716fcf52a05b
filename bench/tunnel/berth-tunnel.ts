import { randomFillSync } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { quote } from "../../agent/script/quote.ts";
import { sessionId } from "../../contract/ids.ts";
import type { Cluster } from "../../test/cluster/cluster.ts";
import { mustRun } from "../../test/cluster/command.ts";
import { Program } from "../program.ts";
import { OnNode, USER } from "./on-node.ts";

const LIBRARY = join(import.meta.dirname, "../../agent/script/tunnel.sh");
const Said = z.object({
  keys: z.object({ hostPublic: z.string(), clientPrivate: z.string() }),
  forward: z.number(),
  port: z.number(),
});

/** Berth's tunnel and nothing else of it: the agent's end in a process of its own, the loop on the node. */
export class BerthTunnel implements AsyncDisposable {
  /** In the workspace: leads to the service. */
  readonly port: number;
  readonly #stack: AsyncDisposableStack;

  private constructor(port: number, stack: AsyncDisposableStack) {
    this.port = port;
    this.#stack = stack;
  }

  static async start(cluster: Cluster, service: number, signal: AbortSignal): Promise<BerthTunnel> {
    await using stack = new AsyncDisposableStack();
    const session = sessionId((bytes) => randomFillSync(bytes));
    const script = join(import.meta.dirname, "agent.ts");
    const knownHosts = join(cluster.layout.sshDirectory, "known_hosts");
    const agent = stack.use(
      Program.start([process.execPath, script, session, cluster.alias(USER), cluster.sshConfig, knownHosts]),
    );
    const firstLine = (): string | undefined => /^\{.*\}$/m.exec(agent.output)?.[0];
    const line = await agent.until(firstLine, {
      timeoutMs: 20_000,
      what: "forward on the controller",
      signal,
    });
    const { keys, forward, port } = Said.parse(JSON.parse(line));
    const job = join(cluster.layout.home, USER, session);
    const seenFromNode = join("/home", USER, session);
    const ctl = await readFile(
      join(cluster.layout.hostDirectory("ctl"), "etc/ssh/ssh_host_ed25519_key.pub"),
      "utf8",
    );
    await mkdir(job, { mode: 0o700 });
    await mkdir(join(job, "node"), { mode: 0o700 });
    await writeFile(join(job, "key"), keys.clientPrivate, { mode: 0o600 });
    await writeFile(join(job, "known_hosts"), `berth-${session} ${keys.hostPublic}\nberth-controller ${ctl}`);
    await writeFile(join(job, "forward"), `via ctl 22 ${forward}\n`);
    const uid = cluster.layout.uid(USER);
    await mustRun(["chown", "-R", `${uid}:${uid}`, job]);
    const commands = [
      `berth_id=${session} service_port=${service} service_socket= resource_jobdir=${quote(seenFromNode)}`,
      "berth_node_dir=$resource_jobdir/node",
      `. ${quote(LIBRARY)}`,
      "berth_tunnel_loop",
      "sleep infinity",
    ];
    stack.use(new OnNode(cluster, ["bash", "-c", commands.join("\n")]));
    const isUp = (): boolean => /^up$/m.test(agent.output);
    await agent.until(isUp, { timeoutMs: 30_000, what: "tunnel from the node", signal });
    return new BerthTunnel(port, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
