import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rename } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";
import { processesOf } from "../../support/processes.ts";
import type { TunnelNodeOptions } from "../../support/tunnel-node.ts";
import { TunnelAgent, TunnelNode, tunnelSession } from "../../support/tunnel-node.ts";

/** A node whose tunnel is up. */
async function connected(options: Partial<TunnelNodeOptions> = {}) {
  const common = tunnelSession();
  const agent = await TunnelAgent.start(common);
  const node = await TunnelNode.start({ ...common, forward: `direct 127.0.0.1 ${agent.port}`, ...options });
  await node.run("berth_tunnel_loop");
  await agent.up();
  return { ...common, agent, node };
}

const texts = ({ reports }: TunnelAgent): string[] => reports.map(({ verb, text }) => `${verb} ${text}`);

describe("the loop on the node", { timeout: 30_000 }, () => {
  it("comes back after its ssh was killed", async () => {
    const { agent, node } = await connected();
    await node.killSsh();
    await eventually(() => agent.changes.length === 3);
    expect(agent.changes).toEqual([true, false, true]);
  });

  it("comes back to an agent that was started again, at another address", async () => {
    const { agent, node, ...common } = await connected();
    await node.report("status", "before");
    await eventually(() => agent.reports.length === 1);
    await agent[Symbol.asyncDispose]();
    const reportsRead = agent.reports[0]?.offset ?? 0;
    const next = await TunnelAgent.start({ ...common, reportsRead });
    await node.report("status", "meanwhile");
    await node.forward(`direct 127.0.0.1 ${next.port}`);
    await next.up();
    await eventually(() => next.reports.length > 0);
    expect(texts(next)).toEqual(["status meanwhile"]);
  });

  it("starts before anything is known of the agent", async () => {
    const common = tunnelSession();
    const node = await TunnelNode.start({ ...common, forward: "" });
    await node.run("berth_tunnel_loop");
    await eventually(async () => (await node.error()).includes("no address of the workspace"));
    const agent = await TunnelAgent.start(common);
    await node.forward(`direct 127.0.0.1 ${agent.port}`);
    await agent.up();
  });

  it.each([
    "direct -oProxyCommand=id 22",
    "direct 127.0.0.1 22 -v",
    "direct $(id) 22",
    "direct 127.0.0.1 0",
    "via a;id 22 22",
    "via host 22 22;id",
  ])("takes no address from %j", async (line) => {
    const node = await TunnelNode.start({ ...tunnelSession(), forward: line });
    await node.run("berth_tunnel_loop");
    await eventually(async () => (await node.error()).includes("no address of the workspace"));
  });

  it("does not speak to somebody who has not the session's host key", async () => {
    const common = tunnelSession();
    const other = tunnelSession();
    const agent = await TunnelAgent.start({
      ...common,
      keys: { ...common.keys, hostPrivate: other.keys.hostPrivate },
    });
    const node = await TunnelNode.start({ ...common, forward: `direct 127.0.0.1 ${agent.port}` });
    await node.run("berth_tunnel_loop");
    await eventually(async () => (await node.error()).includes("Host key verification failed"));
    expect(agent.server.isUp).toBe(false);
  });

  it("ends with all it has started, and removes what it has made", async () => {
    const { node } = await connected();
    expect(await node.processes("ssh")).toHaveLength(1);
    await node.run("berth_watch_ready; berth_tunnel_stop");
    await eventually(async () => (await processesOf(node.session)).length === 1);
    expect(await readdir(join(node.directory, "node"))).toEqual(["reports"]);
  });

  it("ends when the session's script is killed", async () => {
    const { node } = await connected();
    await node.run("berth_watch_ready");
    node.bash.kill("SIGKILL");
    await eventually(async () => (await processesOf(node.session)).length === 0);
    expect(await readdir(join(node.directory, "node"))).toEqual(["reports"]);
  });

  it("outlives the signal with which a scheduler announces the end of the job", async () => {
    const { agent, node } = await connected();
    const own = await processesOf(node.session);
    for (const { pid } of own) if (pid !== node.bash.pid) process.kill(pid, "SIGTERM");
    await node.report("ended", "143");
    expect(await node.run("berth_tunnel_flush 20")).toBe(0);
    expect(texts(agent)).toEqual(["ended 143"]);
    expect(agent.changes).toEqual([true]);
  });
});

describe("reports through the tunnel", { timeout: 60_000 }, () => {
  it("come in order and exactly once over five lost connections", async () => {
    const { agent, node } = await connected();
    const expected: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      for (let index = 0; index < 20; index += 1) {
        expected.push(`status ${round} ${index}`);
        await node.report("status", `${round} ${index}`);
      }
      if (round % 2 === 0) await eventually(() => agent.reports.length === expected.length);
      await agent.up();
      await node.killSsh();
    }
    await node.report("ended", "0");
    expect(await node.run("berth_tunnel_flush 20")).toBe(0);
    expect(texts(agent)).toEqual([...expected, "ended 0"]);
  });

  it("count as acted upon only once they have been", async () => {
    const common = tunnelSession();
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    const agent = await TunnelAgent.start({
      ...common,
      onReport: async ({ text }) => {
        seen.push(text);
        await gate.promise;
      },
    });
    const node = await TunnelNode.start({ ...common, forward: `direct 127.0.0.1 ${agent.port}` });
    await node.report("status", "one");
    await node.report("status", "two");
    await node.run("berth_tunnel_loop");
    await eventually(() => seen.length === 1);
    expect(await node.run("berth_tunnel_flush 0")).toBe(1);
    // The connection goes while the first is being acted upon: it is not sent again.
    await node.killSsh();
    // It may be up again by now.
    await eventually(() => agent.changes.includes(false));
    gate.resolve();
    expect(await node.run("berth_tunnel_flush 20")).toBe(0);
    expect(seen).toEqual(["one", "two"]);
  });

  it("are sent again when the agent could not act upon one", async () => {
    const common = tunnelSession();
    let calls = 0;
    const agent = await TunnelAgent.start({
      ...common,
      onReport: async () => {
        calls += 1;
        if (calls === 1) throw new Error("disk full");
      },
    });
    const node = await TunnelNode.start({ ...common, forward: `direct 127.0.0.1 ${agent.port}` });
    await node.report("status", "one");
    await node.run("berth_tunnel_loop");
    await eventually(() => calls === 2);
    expect(await node.run("berth_tunnel_flush 20")).toBe(0);
    expect(agent.log.join()).toContain("disk full");
  });

  it("are found again behind a megabyte of what is none", async () => {
    const { agent, node } = await connected();
    await node.report("x".repeat(1_048_576), "junk");
    await node.report("notify", "here");
    expect(await node.run("berth_tunnel_flush 20")).toBe(0);
    expect(texts(agent)).toEqual(["notify here"]);
  });
});

describe("the watch on the node", { timeout: 30_000 }, () => {
  it("reports that the service listens", async () => {
    const port = await freePort();
    const { agent, node } = await connected({ port });
    await node.run("berth_watch_ready");
    expect(agent.reports).toEqual([]);
    const server = createServer();
    onTestFinished(() => void server.close());
    server.listen(port, "127.0.0.1");
    await eventually(() => agent.reports.length > 0);
    expect(texts(agent)).toEqual(["ready "]);
  });

  it("leads the tunnel to ::1 where the service listens only there", async () => {
    const server = createServer((socket) => void socket.end("hello"));
    onTestFinished(() => void server.close());
    server.listen(0, "::1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { agent, node } = await connected({ port });
    await node.run("berth_watch_ready");
    await eventually(() => agent.reports.length > 0);
    await agent.up();
    const channel = await agent.server.connect();
    expect(String((await once(channel, "data"))[0])).toBe("hello");
  });

  it("leads the tunnel there also where it is being made just then", async () => {
    const service = createServer((socket) => void socket.end("hello"));
    const common = tunnelSession();
    const agent = await TunnelAgent.start(common);
    const found = Promise.withResolvers<void>();
    const slow = createServer({ allowHalfOpen: true }, (socket) => {
      void found.promise.then(() => agent.server.accept(socket));
    });
    onTestFinished(() => [service, slow].forEach((server) => void server.close()));
    service.listen(0, "::1");
    slow.listen(0, "127.0.0.1");
    await Promise.all([once(service, "listening"), once(slow, "listening")]);
    const { port } = service.address() as AddressInfo;
    const forward = `direct 127.0.0.1 ${(slow.address() as AddressInfo).port}`;
    const node = await TunnelNode.start({ ...common, port, forward });
    const dialled = once(slow, "connection");
    await node.run("berth_tunnel_loop");
    await dialled;
    await node.run("berth_watch_ready");
    await eventually(async () => (await readFile(node.reportsFile, "utf8")) === "ready\0\0");
    found.resolve();
    await eventually(() => agent.reports.length > 0);
    const channel = await agent.server.connect();
    expect(String((await once(channel, "data"))[0])).toBe("hello");
  });

  it("tells of a stranger who listens where the service was to", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "needs root, to be somebody else");
    const script =
      'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => console.log(s.address().port))';
    const stranger = spawn(process.execPath, ["-e", script], { uid: 65_534, cwd: "/" });
    onTestFinished(() => void stranger.kill());
    const port = Number(String((await once(stranger.stdout, "data"))[0]));
    const { agent, node } = await connected({ port });
    await node.run("berth_watch_ready");
    await eventually(() => agent.reports.length > 0);
    expect(texts(agent)).toEqual([
      expect.stringMatching(/^fail Cannot use port \d+ of the node: another user/),
    ]);
  });

  it("keeps the service's Unix socket to its owner", async () => {
    const { agent, node } = await connected();
    const path = join(node.directory, "node/socket");
    await node.run(`service_socket='${path}'; berth_watch_ready`);
    const server = createServer();
    onTestFinished(() => void server.close());
    // Made elsewhere: its mode is set after it is there.
    server.listen({ path: `${path}.new`, readableAll: true, writableAll: true });
    await once(server, "listening");
    await rename(`${path}.new`, path);
    await eventually(() => agent.reports.length > 0);
    expect(texts(agent)).toEqual(["ready "]);
    expect(await node.run(`[[ $(stat -c %a '${path}') == 600 ]]`)).toBe(0);
  });
});
