import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { TunnelAgent, TunnelNode, tunnelSession } from "../../support/tunnel-node.ts";

/** A service on a port or a path, which ends with the test. */
async function service(serve: (socket: Socket) => void, path?: string): Promise<number> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  if (path === undefined) server.listen(0, "127.0.0.1");
  else server.listen(path);
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return path === undefined ? (server.address() as AddressInfo).port : 0;
}

/** A tunnel that is up, to a service. */
async function tunnel(port: number) {
  const common = tunnelSession();
  const agent = await TunnelAgent.start(common);
  const node = await TunnelNode.start({ ...common, port, forward: `direct 127.0.0.1 ${agent.port}` });
  await node.run("berth_tunnel_loop");
  await agent.up();
  return { ...common, agent, node };
}

const echo = (socket: Socket): void => void socket.pipe(socket);

function* chunks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("a tunnel", { timeout: 30_000 }, () => {
  it("carries 64 MiB there and back, and both ends of them", async () => {
    const { agent } = await tunnel(await service(echo));
    const sent = randomBytes(64 * 1024 * 1024);
    const channel = await agent.server.connect();
    const back = buffer(channel);
    Readable.from(chunks(sent)).pipe(channel);
    expect(digest(await back)).toBe(digest(sent));
    await eventually(() => channel.destroyed);
  });

  it("carries a hundred connections at once", async () => {
    const { agent } = await tunnel(await service(echo));
    const carry = async (): Promise<boolean> => {
      const sent = randomBytes(300_000);
      const channel = await agent.server.connect();
      const back = buffer(channel);
      channel.end(sent);
      return sent.equals(await back);
    };
    const all = await Promise.all(Array.from({ length: 100 }, carry));
    expect(all).toEqual(Array.from({ length: 100 }, () => true));
  });

  it("lets the answer come after the end of the question", async () => {
    const port = await service(
      (socket) => void text(socket).then((question) => socket.end(`got ${question}`)),
    );
    const { agent } = await tunnel(port);
    const channel = await agent.server.connect();
    channel.end("hello");
    expect(await text(channel)).toBe("got hello");
  });

  it("lets the question go on after the end of the answer", async () => {
    const got = Promise.withResolvers<string>();
    const port = await service((socket) => {
      socket.end("enough");
      got.resolve(text(socket));
    });
    const { agent } = await tunnel(port);
    const channel = await agent.server.connect();
    expect(await text(channel)).toBe("enough");
    channel.end("all the same");
    expect(await got.promise).toBe("all the same");
  });

  it("ends a connection for the service when it is destroyed here", async () => {
    const closed = Promise.withResolvers<void>();
    const port = await service((socket) => void socket.on("end", () => closed.resolve()).resume());
    const { agent } = await tunnel(port);
    const channel = await agent.server.connect();
    channel.write("hello");
    channel.destroy();
    await closed.promise;
  });

  it("waits for a reader who is behind", async () => {
    let written = 0;
    const port = await service((socket) => {
      const write = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536))) written += 65_536;
      };
      socket.on("drain", write);
      write();
    });
    const { agent } = await tunnel(port);
    const channel = await agent.server.connect();
    channel.pause();
    let last = -1;
    await eventually(() => {
      const isStill = written === last;
      last = written;
      return isStill && written > 0;
    });
    // ssh2's window and its stream, OpenSSH's, and the kernel's buffers.
    expect(written).toBeLessThan(32 * 1024 * 1024);
    channel.destroy();
  });

  it("says ECONNREFUSED while the service does not listen", async () => {
    const { agent } = await tunnel(1);
    await expect(agent.server.connect()).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(agent.server.isUp).toBe(true);
  });

  it("reaches a service on a Unix socket", async () => {
    const common = tunnelSession();
    const agent = await TunnelAgent.start(common);
    const node = await TunnelNode.start({ ...common, forward: `direct 127.0.0.1 ${agent.port}` });
    const path = join(node.directory, "node/socket");
    await service(echo, path);
    await node.run(`service_socket='${path}'; berth_tunnel_loop`);
    await agent.up();
    const channel = await agent.server.connect();
    channel.end("hello");
    expect(await text(channel)).toBe("hello");
  });

  it("is none before a node has come, and says so", async () => {
    const agent = await TunnelAgent.start(tunnelSession());
    expect(agent.server.isUp).toBe(false);
    await expect(agent.server.connect()).rejects.toMatchObject({ code: "ENOTCONN" });
  });

  it("breaks its connections off when it is lost, rather than end them", async () => {
    const { agent, node } = await tunnel(await service((socket) => void socket.write("the first half")));
    const channel = await agent.server.connect();
    await once(channel, "readable");
    const failed = once(channel, "error");
    await node.killSsh();
    expect((await failed)[0]).toMatchObject({ code: "ECONNRESET" });
    expect(channel.readableEnded).toBe(false);
  });

  it("leaves nothing behind after a hundred connections", async () => {
    let open = 0;
    const port = await service((socket) => {
      open += 1;
      socket.on("close", () => (open -= 1)).pipe(socket);
    });
    const { agent, node } = await tunnel(port);
    await eventually(async () => (await node.processes("tail")).length === 1);
    const before = await node.processes("");
    for (let cycle = 0; cycle < 100; cycle += 1) {
      const channel = await agent.server.connect();
      channel.end("x");
      await buffer(channel);
    }
    await eventually(() => open === 0);
    expect(new Set(await node.processes(""))).toEqual(new Set(before));
    expect(agent.sockets.size).toBe(1);
  });
});
