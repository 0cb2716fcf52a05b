import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { processesOf } from "../../support/processes.ts";
import { startSshAgent } from "../../support/ssh-agent.ts";
import { connectionTo, startSshd } from "../../support/sshd.ts";
import { TunnelAgent, TunnelNode, tunnelSession } from "../../support/tunnel-node.ts";

/** An echo that ends with the test. */
async function echo(): Promise<number> {
  const server = createServer(
    { allowHalfOpen: true },
    (socket) => void socket.on("error", () => {}).pipe(socket),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A node whose one way to the agent is a controller, on which everything bears `mark` in its environment. */
async function stage(config: readonly string[] = []) {
  const common = tunnelSession();
  const mark = tunnelSession().session;
  const controller = await startSshd({ config: [`SetEnv BERTH_SESSION_ID=${mark}`, ...config] });
  const agent = await TunnelAgent.start(common);
  const connection = await connectionTo(controller);
  const forward = await connection.forward((socket) => agent.server.accept(socket));
  const [, type, key] = (await controller.knownHostsLines()).split(/\s+/);
  const node = await TunnelNode.start({
    ...common,
    port: await echo(),
    forward: `via 127.0.0.1 ${controller.port} ${forward.port}`,
    knownHosts: `berth-controller ${type} ${key}\n`,
  });
  await node.run(`export SSH_AUTH_SOCK='${await startSshAgent([controller.identityFile])}'`);
  await node.run("berth_tunnel_loop");
  return { agent, controller, connection, forward, node, mark };
}

describe("a tunnel through the controller", { timeout: 30_000 }, () => {
  it.each(["bash", "tcsh", "dash"])("works where %s is the login shell", async (shell) => {
    const { agent } = await stage([`ForceCommand ${shell} -c "$SSH_ORIGINAL_COMMAND"`]);
    await agent.up();
    const channel = await agent.server.connect();
    const back = buffer(channel);
    channel.end("hello");
    expect(String(await back)).toBe("hello");
  });

  it("carries 64 MiB there and back", async () => {
    const { agent } = await stage();
    await agent.up();
    const sent = randomBytes(64 * 1024 * 1024);
    const channel = await agent.server.connect();
    const back = buffer(channel);
    Readable.from([sent]).pipe(channel);
    expect(sent.equals(await back)).toBe(true);
  });

  it("leaves nothing on the controller when the node's ssh is killed, and comes back", async () => {
    const { agent, node, mark } = await stage();
    await agent.up();
    const before = await processesOf(mark);
    expect(before).not.toEqual([]);
    process.kill(await node.process("ssh -T -o BatchMode"), "SIGKILL");
    const isGone = async (): Promise<boolean> => {
      const now = await processesOf(mark);
      return before.every(({ pid }) => now.every((other) => other.pid !== pid));
    };
    await eventually(isGone, { what: "the end of what ran on the controller" });
    await agent.up();
  });

  it("leaves nothing on the controller when it is stopped", async () => {
    const { agent, node, mark } = await stage();
    await agent.up();
    await node.run("berth_tunnel_stop");
    await eventually(async () => (await processesOf(mark)).length === 0);
    await eventually(() => !agent.server.isUp);
  });

  it("leaves nothing on the controller when the agent ends the connection", async () => {
    const { agent, connection, mark } = await stage();
    await agent.up();
    await connection[Symbol.asyncDispose]();
    await eventually(async () => (await processesOf(mark)).length === 0);
  });

  it("comes back when the controller does", async () => {
    const { agent, controller, connection, node } = await stage();
    await agent.up();
    await controller.close();
    for (const child of controller.connections()) child.kill("SIGKILL");
    await eventually(() => !agent.server.isUp);
    await controller.reopen();
    const again = await eventually(() => connection.forward((socket) => agent.server.accept(socket)));
    await node.forward(`via 127.0.0.1 ${controller.port} ${again.port}`);
    await agent.up();
  });

  it("does not speak to a controller that has not the known key", async () => {
    const { node, controller, forward } = await stage();
    const stranger = await startSshd();
    await node.forward(`via 127.0.0.1 ${stranger.port} ${forward.port}`);
    for (const child of controller.connections()) child.kill("SIGKILL");
    await eventually(async () => (await node.error()).includes("Host key verification failed"));
  });
});
