import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { PassThrough } from "node:stream";
import type { ClientChannel, ConnectConfig } from "ssh2";
import { Client } from "ssh2";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { TunnelAgent, TunnelNode, tunnelSession, WORKSPACE_PORT } from "../../support/tunnel-node.ts";

type Common = ReturnType<typeof tunnelSession>;

/** A client that has what the session's own has, unless told otherwise. */
async function client(
  agent: TunnelAgent,
  { session, keys }: Common,
  config: ConnectConfig = {},
): Promise<Client> {
  const made = new Client();
  onTestFinished(() => void made.end());
  const ready = Promise.withResolvers<void>();
  made.on("ready", ready.resolve).on("error", ready.reject).on("close", ready.reject);
  made.connect({
    host: "127.0.0.1",
    port: agent.port,
    username: session,
    privateKey: keys.clientPrivate,
    strictVendor: false,
    ...config,
  });
  await ready.promise;
  return made;
}

async function stage() {
  const common = tunnelSession();
  const agent = await TunnelAgent.start(common);
  return { common, agent };
}

/** The server's silence after which a connection is ended; milliseconds. */
const SILENCE = 45_000;

/** From here on the server's timers wait to be advanced; what goes over the sockets keeps its time. */
function holdTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
}

/** What a request of ssh2's client comes to: its error's message, or undefined. */
const outcome = (ask: (done: (error?: Error | null) => void) => void): Promise<string | undefined> =>
  new Promise((resolve) => ask((error) => resolve(error?.message)));

describe("the tunnel's server admits", () => {
  it("nobody with another key, another session's included", async () => {
    const { common, agent } = await stage();
    const privateKey = tunnelSession().keys.clientPrivate;
    await expect(client(agent, common, { privateKey })).rejects.toThrow("authentication");
    expect(agent.log).toHaveLength(1);
  });

  it("nobody with the key of its own end", async () => {
    const { common, agent } = await stage();
    const privateKey = common.keys.hostPrivate;
    await expect(client(agent, common, { privateKey })).rejects.toThrow("authentication");
  });

  it.each(["root", "", "s000000000000"])("nobody who calls himself %j", async (username) => {
    const { common, agent } = await stage();
    await expect(client(agent, common, { username })).rejects.toThrow(
      /authentication|Connection lost|ECONNRESET/,
    );
  });

  it("nobody by password, however often", async () => {
    const { common, agent } = await stage();
    const username = common.session;
    const made = new Client();
    made.on("error", () => {});
    const closed = once(made, "close");
    let tries = 0;
    made.connect({
      host: "127.0.0.1",
      port: agent.port,
      username,
      authHandler: (_left, _partial, next) => {
        tries += 1;
        next({ type: "password", username, password: "guess" });
      },
    });
    await closed;
    expect(tries).toBeLessThan(10);
  });
});

describe("the tunnel's server refuses the session's own client", () => {
  it("a shell", async () => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.shell(false, done))).toContain("Unable to open shell");
  });

  it("a terminal", async () => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.exec("reports", { pty: true }, done))).toContain("pseudo-terminal");
  });

  it.each(["", "id", "reports;id", "reports ", "sftp-server"])("the command %j", async (command) => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.exec(command, done))).toContain("Unable to exec");
  });

  it("environment variables", async () => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.exec("reports", { env: { LD_PRELOAD: "x" } }, done))).toBeUndefined();
  });

  it("subsystems", async () => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.sftp(done))).toContain("Unable to start subsystem");
  });

  it("connections into the workspace", async () => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.forwardOut("127.0.0.1", 1, "127.0.0.1", 22, done))).toContain(
      "open failure",
    );
    expect(await outcome((done) => own.openssh_forwardOutStreamLocal("/run/x", done))).toContain(
      "open failure",
    );
  });

  it("listeners on Unix sockets", async () => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.openssh_forwardInStreamLocal("/tmp/x", done))).toContain(
      "Unable to bind",
    );
  });

  it("another port than its own, and a second one", async () => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.forwardIn("", 8080, done))).toContain("Unable to bind");
    expect(agent.server.isUp).toBe(false);
    expect(await outcome((done) => own.forwardIn("", WORKSPACE_PORT, done))).toBeUndefined();
    expect(agent.server.isUp).toBe(true);
    expect(await outcome((done) => own.forwardIn("", 0, done))).toContain("Unable to bind");
  });

  it("X11 and agent forwarding", async () => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.exec("reports", { x11: true }, done))).toContain("X11");
  });

  it("a second session channel beside the first", async () => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.exec("reports", done))).toBeUndefined();
    expect(await outcome((done) => own.exec("reports", done))).toContain("open failure");
  });

  it("a third connection", async () => {
    const { common, agent } = await stage();
    const clients = [];
    for (let count = 0; count < 4; count += 1) clients.push(await client(agent, common));
    await eventually(() => agent.sockets.size === 2);
  });
});

describe("the tunnel's server", { timeout: 30_000 }, () => {
  it("is up for as long as the client listens", async () => {
    const { common, agent } = await stage();
    const own = await client(agent, common);
    expect(await outcome((done) => own.forwardIn("127.0.0.1", 0, done))).toBeUndefined();
    expect(await outcome((done) => own.unforwardIn("127.0.0.1", WORKSPACE_PORT, done))).toBeUndefined();
    expect(agent.changes).toEqual([true, false]);
    await expect(agent.server.connect()).rejects.toMatchObject({ code: "ENOTCONN" });
  });

  it("takes the newest connection for the true one and ends the older, without being down", async () => {
    const { common, agent } = await stage();
    const older = await client(agent, common);
    await outcome((done) => older.forwardIn("127.0.0.1", 0, done));
    const ended = once(older, "close");
    const newer = await client(agent, common);
    await outcome((done) => newer.forwardIn("127.0.0.1", 0, done));
    await ended;
    expect(agent.changes).toEqual([true]);
    newer.on("tcp connection", (_info, accept) => void accept().end("newer"));
    const channel = await agent.server.connect();
    expect(String((await once(channel, "data"))[0])).toBe("newer");
  });

  it("acts upon a report once though two connections bring it", async () => {
    const { common, agent } = await stage();
    const [one, two] = [await client(agent, common), await client(agent, common)];
    const open = (own: Client): Promise<ClientChannel> =>
      new Promise((resolve, reject) =>
        own.exec("reports", (error, channel) => (error === undefined ? resolve(channel) : reject(error))),
      );
    const first = await open(one);
    expect(String((await once(first, "data"))[0])).toBe("0\n");
    first.write("status\0a\0");
    expect(String((await once(first, "data"))[0])).toBe("9\n");
    const second = await open(two);
    expect(String((await once(second, "data"))[0])).toBe("9\n");
    first.on("error", () => {}).write("status\0from the older\0");
    second.write("status\0b\0");
    await eventually(() => agent.reports.length === 2);
    expect(agent.reports.map(({ text }) => text)).toEqual(["a", "b"]);
  });

  it("ends a connection that falls silent", async () => {
    holdTimers();
    const common = tunnelSession();
    const agent = await TunnelAgent.start(common);
    const node = await TunnelNode.start({ ...common, forward: `direct 127.0.0.1 ${agent.port}` });
    await node.run("berth_tunnel_loop");
    await agent.up();
    const ssh = await node.process("ssh");
    process.kill(ssh, "SIGSTOP");
    vi.advanceTimersByTime(SILENCE);
    await eventually(() => agent.changes.length === 2);
    expect(agent.changes).toEqual([true, false]);
    process.kill(ssh, "SIGKILL");
  });

  it("keeps a connection that is only idle", async () => {
    holdTimers();
    const common = tunnelSession();
    const agent = await TunnelAgent.start(common);
    const node = await TunnelNode.start({ ...common, forward: `direct 127.0.0.1 ${agent.port}` });
    await node.run("berth_tunnel_loop");
    await agent.up();
    await node.process("tail");
    const [socket] = agent.sockets;
    for (let asked = 0; asked < 10; asked += 1) {
      const before = socket?.bytesRead ?? 0;
      vi.advanceTimersByTime(SILENCE / 3);
      await eventually(() => (socket?.bytesRead ?? 0) > before, { what: 'the answer to "are you alive"' });
    }
    expect(agent.changes).toEqual([true]);
  });

  it("lets the node in though a hundred strangers sit there, of whom it keeps few", async () => {
    const { common, agent } = await stage();
    const strangers = Array.from({ length: 100 }, () =>
      connect(agent.port, "127.0.0.1")
        .on("error", () => {})
        .resume(),
    );
    onTestFinished(() => strangers.forEach((stranger) => stranger.destroy()));
    await eventually(() => strangers.filter((stranger) => stranger.destroyed).length === 92);
    await client(agent, common);
    expect(agent.sockets.size).toBeLessThanOrEqual(9);
  });

  it("waits no longer for a stranger's first word than it was told", async () => {
    const agent = await TunnelAgent.start({ ...tunnelSession(), times: { handshake: 50, silence: 45_000 } });
    const both = [connect(agent.port, "127.0.0.1"), connect(agent.port, "127.0.0.1")];
    // What it has not read yet ends the connection by a reset.
    for (const each of both) each.on("error", () => {}).resume();
    both[1]?.write("SSH-2.0-x\r\n");
    await eventually(() => both.every((each) => each.closed), { what: "the end of both" });
  });

  it.each([
    ["bytes at random", randomBytes(200_000)],
    ["a request of HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n".repeat(100))],
    ["a greeting without an end", Buffer.alloc(1_000_000, "S")],
    ["a packet of no length", Buffer.from("SSH-2.0-x\r\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")],
    ["a packet of 4 GiB", Buffer.from("SSH-2.0-x\r\n\xff\xff\xff\xff\xff\xff\xff\xff", "latin1")],
    ["a greeting and bytes at random", Buffer.concat([Buffer.from("SSH-2.0-x\r\n"), randomBytes(200_000)])],
  ])("ends a connection that brings %s, and lives on", async (_what, bytes) => {
    const { common, agent } = await stage();
    const socket = connect(agent.port, "127.0.0.1");
    socket.on("error", () => {}).resume();
    socket.end(bytes);
    await eventually(() => socket.closed && agent.sockets.size === 0);
    await client(agent, common);
  });

  it("takes any duplex stream for a connection, and ends it with itself", async () => {
    const { agent } = await stage();
    const stream = new PassThrough();
    agent.server.accept(stream);
    await agent[Symbol.asyncDispose]();
    expect(stream.destroyed).toBe(true);
    const late = new PassThrough();
    agent.server.accept(late);
    expect(late.destroyed).toBe(true);
  });
});
