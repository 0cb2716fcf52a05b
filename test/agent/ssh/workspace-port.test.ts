import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";
import type { Duplex } from "node:stream";
import { Duplex as DuplexStream } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import type { WorkspacePortOptions } from "../../../agent/ssh/workspace-port.ts";
import { WorkspacePort } from "../../../agent/ssh/workspace-port.ts";
import { eventually } from "../../support/eventually.ts";

const NONE: ReadonlySet<number> = new Set();

/** A stream to a service that answers "got …" once it has all, which ends with the test. */
async function answering(): Promise<() => Promise<Duplex>> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    void text(socket).then((question) => socket.end(`got ${question}`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return async () => connect({ port, host: "127.0.0.1", allowHalfOpen: true });
}

async function listen(options: Partial<WorkspacePortOptions> = {}): Promise<WorkspacePort> {
  const port = await WorkspacePort.listen({ refused: NONE, connect: await answering(), ...options });
  onTestFinished(() => port[Symbol.asyncDispose]());
  return port;
}

const dial = (port: number, host: string): Socket => connect({ port, host, allowHalfOpen: true });

describe("a workspace port", () => {
  it.each(["127.0.0.1", "::1"])(
    "leads to the service, on %s, and passes the end of a question on",
    async (host) => {
      const { port } = await listen();
      const socket = dial(port, host);
      socket.end("hello");
      expect(await text(socket)).toBe("got hello");
    },
  );

  it("is below the ports that the kernel gives away", async () => {
    const { port } = await listen();
    expect(port).toBeGreaterThanOrEqual(20_000);
    expect(port).toBeLessThan(32_768);
  });

  it("is taken again by number", async () => {
    const first = await listen();
    await first[Symbol.asyncDispose]();
    const second = await listen({ port: first.port });
    expect(second.port).toBe(first.port);
  });

  it.each(["127.0.0.1", "::1"])("is refused by number when somebody listens on %s", async (host) => {
    const server = createServer();
    onTestFinished(() => void server.close());
    server.listen(0, host);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await expect(listen({ port })).rejects.toMatchObject({ code: "EADDRINUSE" });
    // Nothing of it is left on the other address.
    const other = createServer().listen(port, host === "::1" ? "127.0.0.1" : "::1");
    await once(other, "listening");
    other.close();
  });

  it("breaks a connection off when the service cannot be reached", async () => {
    const { port } = await listen({ connect: () => Promise.reject(new Error("no tunnel")) });
    const socket = dial(port, "127.0.0.1");
    expect((await once(socket, "error"))[0]).toMatchObject({ code: "ECONNRESET" });
  });

  it("breaks a connection off when the tunnel is lost, rather than end it", async () => {
    const channel = new DuplexStream({ read() {}, write: (_chunk, _encoding, done) => done() });
    const { port } = await listen({ connect: async () => channel });
    const socket = dial(port, "127.0.0.1");
    channel.push("the first half");
    await once(socket, "data");
    channel.destroy(new Error("lost"));
    expect((await once(socket, "error"))[0]).toMatchObject({ code: "ECONNRESET" });
  });

  it("gives all that was sent before the end", async () => {
    const body = Buffer.alloc(8 * 1024 * 1024, "b");
    const server = createServer((socket) => void socket.end(body));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => void server.close());
    const inner = (server.address() as AddressInfo).port;
    const { port } = await listen({ connect: async () => dial(inner, "127.0.0.1") });
    const socket = dial(port, "127.0.0.1");
    socket.end();
    expect((await buffer(socket)).equals(body)).toBe(true);
  });

  it("ends its connections with it", async () => {
    const streams: Duplex[] = [];
    const open = await answering();
    const port = await listen({
      connect: async () => {
        const stream = await open();
        streams.push(stream);
        return stream;
      },
    });
    const socket = connect(port.port, "127.0.0.1").resume();
    socket.on("error", () => {});
    await eventually(() => streams.length === 1);
    const closed = once(socket, "close");
    await port[Symbol.asyncDispose]();
    await closed;
    await eventually(() => streams[0]?.destroyed);
  });

  it("turns other users away", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "needs root, to be somebody else");
    const { port } = await listen();
    const script = `const s = require("node:net").connect(${port}, "127.0.0.1");
      s.on("error", () => {}); s.end("hello"); s.pipe(process.stdout);`;
    // root is let in as a matter of course; here it must be the agent that is somebody else.
    const as = async (uid: number): Promise<string> => {
      const child = spawn(process.execPath, ["-e", script], { uid, cwd: "/" });
      return await text(child.stdout);
    };
    expect(await as(0)).toBe("got hello");
    expect(await as(65_534)).toBe("");
  });
});
