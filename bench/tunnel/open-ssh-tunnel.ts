import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Cluster } from "../../test/cluster/cluster.ts";
import { mustRun } from "../../test/cluster/command.ts";
import type { HostName } from "../../test/cluster/layout.ts";
import { freePort } from "../free-port.ts";
import { Program } from "../program.ts";
import { OnNode, USER } from "./on-node.ts";

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });

/**
 * The tunnel of the platforms that have OpenSSH alone: the workspace runs sshd, which a reverse tunnel makes reachable
 * on the controller; the node goes there with `ssh -J controller -R <port>:127.0.0.1:<service> usercontainer`.
 */
export class OpenSshTunnel implements AsyncDisposable {
  /** In the workspace: leads to the service. */
  readonly port: number;
  readonly #stack: AsyncDisposableStack;

  private constructor(port: number, stack: AsyncDisposableStack) {
    this.port = port;
    this.#stack = stack;
  }

  /** @param service where it listens, on that node's loopback */
  static async start(
    cluster: Cluster,
    service: { node: HostName; port: number },
    signal: AbortSignal,
  ): Promise<OpenSshTunnel> {
    await using stack = new AsyncDisposableStack();
    const directory = await mkdtemp(join(tmpdir(), "berth-bench-sshd-"));
    stack.defer(() => rm(directory, { recursive: true, force: true }));
    const [sshd, onController, port] = [await freePort(), await freePort(), await freePort()];
    await startSshd(stack, { directory, port: sshd, cluster, signal });
    const strict = ["-N", "-o", "ExitOnForwardFailure=yes"];
    const toHere = ["-R", `127.0.0.1:${onController}:127.0.0.1:${sshd}`, cluster.alias(USER)];
    const reverse = stack.use(Program.start(["ssh", "-F", cluster.sshConfig, ...strict, ...toHere]));
    const isReached = async (): Promise<boolean> =>
      (await cluster.listeners("ctl")).some(({ address }) => address === `127.0.0.1:${onController}`);
    await reverse.until(isReached, { timeoutMs: 20_000, what: "way to the workspace", signal });
    const jump = ["-J", "ctl", "-p", `${onController}`, "-o", "HostKeyAlias=usercontainer"];
    const toService = [
      "-R",
      `127.0.0.1:${port}:127.0.0.1:${service.port}`,
      `${userInfo().username}@127.0.0.1`,
    ];
    const tunnel = stack.use(new OnNode(cluster, service.node, ["ssh", ...strict, ...jump, ...toService]));
    await tunnel.until(() => accepts(port), `tunnel from ${service.node}`, signal);
    return new OpenSshTunnel(port, stack.move());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** The workspace's sshd, which lets the node's user in, and which that user knows. */
async function startSshd(
  stack: AsyncDisposableStack,
  options: { directory: string; port: number; cluster: Cluster; signal: AbortSignal },
): Promise<void> {
  const { directory, port, cluster, signal } = options;
  const ssh = join(cluster.layout.home, USER, ".ssh");
  const hostKey = join(directory, "host_key");
  const config = join(directory, "sshd_config");
  await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  await mustRun(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey]);
  await writeFile(join(directory, "authorized_keys"), await readFile(join(ssh, "id_ed25519.pub")));
  await appendFile(join(ssh, "known_hosts"), `usercontainer ${await readFile(`${hostKey}.pub`, "utf8")}`);
  const lines = [
    `ListenAddress 127.0.0.1:${port}`,
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${join(directory, "authorized_keys")}`,
    "PermitRootLogin yes",
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  const sshd = stack.use(Program.start(["/usr/sbin/sshd", "-D", "-e", "-f", config], { ending: "SIGTERM" }));
  await sshd.until(() => accepts(port), { timeoutMs: 10_000, what: "sshd of the workspace", signal });
}
