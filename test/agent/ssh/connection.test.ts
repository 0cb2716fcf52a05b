import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { userInfo } from "node:os";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { SshConnection, SshState } from "../../../agent/ssh/connection.ts";
import { eventually } from "../../support/eventually.ts";
import { needs } from "../../support/requires.ts";
import { connectionTo, type Sshd, startSshd } from "../../support/sshd.ts";

// Real programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });
beforeEach(needs("sshd", "apt-get install openssh-server openssh-client"));

/** The kinds of its states, from now on. */
function states(ssh: SshConnection): SshState["kind"][] {
  const seen: SshState["kind"][] = [];
  ssh.onChange(({ kind }) => seen.push(kind));
  return seen;
}

const trouble = (expected: string): unknown =>
  expect.objectContaining({ name: "CannotAsk", trouble: expected });

/** Ends the host's side of every connection at once, as a crash does. */
function killConnections(server: Sshd): void {
  for (const child of server.connections()) child.kill("SIGKILL");
}

describe("a command", () => {
  it("reads its input, and its outputs and exit code come back", async () => {
    const ssh = await connectionTo(await startSshd());
    const script = "cat; echo no >&2; exit 3";
    expect(await ssh.run(["sh", "-c", script], { input: "some words" })).toEqual({
      code: 3,
      stdout: Buffer.from("some words"),
      stderr: "no\n",
    });
    expect(await ssh.run(["true"])).toEqual({ code: 0, stdout: Buffer.alloc(0), stderr: "" });
    expect(await ssh.run(["/no/such/program"])).toMatchObject({ code: 127 });
  });

  it("has no exit code when a signal ends it", async () => {
    const ssh = await connectionTo(await startSshd());
    expect(await ssh.run(["sh", "-c", "kill -KILL $$"])).toMatchObject({ code: null });
  });

  it("carries megabytes both ways, byte for byte", async () => {
    const ssh = await connectionTo(await startSshd());
    const input = Buffer.alloc(8_000_000, "0123456789\n\r\0é");
    const { stdout } = await ssh.run(["cat"], { input });
    expect(stdout.equals(input)).toBe(true);
  });

  it("that writes without end is stopped", async () => {
    const ssh = await connectionTo(await startSshd());
    await expect(ssh.run(["yes"])).rejects.toEqual(trouble("output_too_long"));
    expect(await ssh.run(["echo", "on"])).toMatchObject({ code: 0 });
  });

  it("that does not read its input ends all the same", async () => {
    const ssh = await connectionTo(await startSshd());
    expect(await ssh.run(["true"], { input: Buffer.alloc(5_000_000) })).toMatchObject({ code: 0 });
  });

  it("is given up when its time is over, and when its caller says so", async () => {
    const ssh = await connectionTo(await startSshd());
    await expect(ssh.run(["sleep", "60"], { timeoutMs: 100 })).rejects.toEqual(trouble("timeout"));
    const caller = new AbortController();
    const running = ssh.run(["sh", "-c", "echo; cat"], { signal: caller.signal });
    caller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
    await expect(ssh.run(["true"], { signal: caller.signal })).rejects.toThrow("enough");
  });

  it("comes two hundredfold over one connection", async () => {
    const server = await startSshd({ config: ["MaxSessions 10"] });
    const ssh = await connectionTo(server);
    const all = Array.from({ length: 200 }, (_, at) => ssh.run(["echo", String(at)]));
    const outputs = (await Promise.all(all)).map(({ stdout }) => Number(stdout.toString()));
    expect(outputs).toEqual(Array.from({ length: 200 }, (_, at) => at));
    expect(server.accepted()).toBe(1);
  });

  it("waits where the host allows fewer sessions than usual", async () => {
    const ssh = await connectionTo(await startSshd({ config: ["MaxSessions 2"] }));
    const all = Array.from({ length: 12 }, () => ssh.run(["true"]));
    for (const { code } of await Promise.all(all)) expect(code).toBe(0);
  });

  it("is refused by name where the host allows none", async () => {
    const ssh = await connectionTo(await startSshd({ config: ["MaxSessions 0"] }));
    await expect(ssh.run(["true"])).rejects.toEqual(trouble("channel_refused"));
  });
});

describe("a long-lived command", () => {
  it("talks, and closes when it ends", async () => {
    const ssh = await connectionTo(await startSshd());
    const command = await ssh.open(["sh", "-c", 'read line; echo "heard $line"; echo err >&2; exit 4']);
    let heard = "";
    command.on("data", (chunk: Buffer) => (heard += chunk.toString()));
    command.write("hello\n");
    await once(command, "close");
    expect([heard, command.exitCode, command.stderr]).toEqual(["heard hello\n", 4, "err\n"]);
  });

  it("loses nothing of what it wrote, however late it is read", async () => {
    const ssh = await connectionTo(await startSshd());
    const command = await ssh.open(["sh", "-c", "echo unread; exit 7"]);
    await eventually(() => command.exitCode === 7);
    expect(String(await buffer(command))).toBe("unread\n");
  });

  it("can be read to its end line by line", async () => {
    const ssh = await connectionTo(await startSshd());
    const command = await ssh.open(["seq", "200000"]);
    let bytes = 0;
    for await (const chunk of command) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(1_288_895);
  });

  it("sees the end of its input when its signal comes", async () => {
    const ssh = await connectionTo(await startSshd());
    const caller = new AbortController();
    const command = await ssh.open(["cat"], { signal: caller.signal });
    const closed = once(command, "close");
    caller.abort();
    await closed;
    const counted = async (): Promise<boolean> =>
      (await ssh.run(["sh", "-c", "ps -o comm= --ppid $PPID | grep -cx cat"])).stdout.toString() === "0\n";
    await eventually(counted, { what: "the end of cat" });
  });

  it("leaves room for short ones, however many there are", async () => {
    const ssh = await connectionTo(await startSshd({ config: ["MaxSessions 10"] }));
    const opened = await Promise.all(Array.from({ length: 6 }, () => ssh.open(["cat"])));
    const caller = new AbortController();
    const waiting = ssh.open(["cat"], { signal: caller.signal });
    expect(await ssh.run(["true"])).toMatchObject({ code: 0 });
    opened[0]?.destroy();
    (await waiting).destroy();
    for (const command of opened) command.destroy();
  });

  it("ends a reader's loop when it is cut off", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server);
    const caller = new AbortController();
    const stopped = createInterface({ input: await ssh.open(["yes"], { signal: caller.signal }) });
    for await (const _line of stopped) caller.abort();
    const lost = createInterface({ input: await ssh.open(["yes"]) });
    for await (const _line of lost) killConnections(server);
  });

  it("closes with the connection", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server);
    const command = await ssh.open(["cat"]);
    const closed = once(command, "close");
    killConnections(server);
    await closed;
    expect(command.exitCode).toBeUndefined();
    expect(command.write("into the void")).toBe(false);
  });
});

describe("the connection", () => {
  it("is made when it is needed, once for all who need it", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server);
    const seen = states(ssh);
    expect([ssh.state.kind, ssh.hostKey, server.accepted()]).toEqual(["idle", undefined, 0]);
    await Promise.all([ssh.connect(), ssh.run(["true"]), ssh.run(["true"])]);
    expect([seen, server.accepted()]).toEqual([["connecting", "up"], 1]);
    const { type, base64 } = ssh.hostKey ?? {};
    expect(await server.knownHostsLines()).toBe(`[127.0.0.1]:${server.port} ${type} ${base64}\n`);
    await ssh[Symbol.asyncDispose]();
    expect([seen, ssh.state.kind]).toEqual([["connecting", "up", "idle"], "idle"]);
    await eventually(() => server.connections().length === 0, { what: "the end of sshd" });
    await expect(ssh.run(["true"])).rejects.toEqual(trouble("ended"));
  });

  it("lost under a command says that it cannot be known, and the next one connects again", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server);
    await ssh.connect();
    const running = Promise.allSettled(Array.from({ length: 12 }, () => ssh.run(["sleep", "60"])));
    killConnections(server);
    for (const result of await running)
      expect(result).toEqual({ status: "rejected", reason: trouble("closed") });
    expect(await ssh.run(["echo", "again"])).toMatchObject({ code: 0 });
    expect(server.accepted()).toBe(2);
  });

  it("comes again by itself while somebody keeps it", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server);
    const seen = states(ssh);
    using kept = ssh.keep();
    await eventually(() => ssh.state.kind === "up");
    killConnections(server);
    await eventually(() => seen.length === 5, { what: "the second connection" });
    expect(seen).toEqual(["connecting", "up", "down", "connecting", "up"]);
    kept[Symbol.dispose]();
    killConnections(server);
    await eventually(() => ssh.state.kind === "down");
    expect(server.accepted()).toBe(2);
  });

  it("says why a host cannot be reached, and reaches it when it is there again", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server);
    await server.close();
    await expect(ssh.run(["true"])).rejects.toThrow(
      `Cannot reach "cluster" at 127.0.0.1:${server.port}: nothing listens there.`,
    );
    using _kept = ssh.keep();
    await server.reopen();
    await eventually(() => ssh.state.kind === "up");
  });

  it.each([
    ["HostName no-such-host.invalid", "unreachable"],
    ["ProxyCommand echo no ssh here; sleep 5", "proxy_failed"],
    ["ProxyCommand echo the proxy is down >&2; exit 1", "proxy_failed"],
    ["ProxyCommand /no/such/proxy", "proxy_failed"],
  ])("with %s has the trouble %s", async (line, expected) => {
    const ssh = await connectionTo(await startSshd(), [line]);
    await expect(ssh.connect()).rejects.toEqual(trouble(expected));
  });

  it("is given up where the host says nothing", async () => {
    const ssh = await connectionTo(await startSshd(), ["ConnectTimeout 1", "ProxyCommand sleep 60"]);
    await expect(ssh.connect()).rejects.toEqual(trouble("timeout"));
  });

  it.each([
    ["says nothing", "", false, "timeout"],
    ["speaks another protocol", "HTTP/1.1 400 Bad Request\r\n\r\n", false, "timeout"],
    ["says no more than its name", "SSH-2.0-old\r\n", false, "timeout"],
    ["is closed", "", true, "unreachable"],
    ["is closed after a word", "Not allowed at this time\r\n", true, "unreachable"],
  ])("to a port that %s is given up", async (_what, words, isClosed, expected) => {
    const other = createServer((socket) => {
      socket.on("error", () => undefined).write(words);
      if (isClosed) socket.end();
    });
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const { port } = other.address() as AddressInfo;
    const ssh = await connectionTo(await startSshd(), ["ConnectTimeout 1", `Port ${port}`]);
    await expect(ssh.connect()).rejects.toEqual(trouble(expected));
  });

  it("ends when nobody keeps or uses it, and comes again", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server, [], [], { idleMs: 1 });
    const seen = states(ssh);
    const command = await ssh.open(["cat"]);
    const kept = ssh.keep();
    command.end();
    expect(String(await buffer(command))).toBe("");
    await using forward = await ssh.forward(() => undefined);
    kept[Symbol.dispose]();
    expect(await ssh.run(["true"])).toMatchObject({ code: 0 });
    expect([seen, server.accepted()]).toEqual([["connecting", "up"], 1]);
    await forward[Symbol.asyncDispose]();
    await eventually(() => ssh.state.kind === "idle" && server.connections().length === 0);
    expect(await ssh.run(["true"])).toMatchObject({ code: 0 });
    expect(server.accepted()).toBe(2);
  });

  it("stops while it is being made", async () => {
    const ssh = await connectionTo(await startSshd(), ["ProxyCommand sleep 60"]);
    const [ran] = await Promise.allSettled([
      ssh.run(["true"]),
      eventually(() => ssh.state.kind === "connecting").then(() => ssh[Symbol.asyncDispose]()),
    ]);
    expect(ran).toEqual({ status: "rejected", reason: trouble("ended") });
  });

  it("survives a banner", async () => {
    const server = await startSshd({ config: ["Banner /etc/passwd"] });
    const ssh = await connectionTo(server);
    expect((await ssh.run(["echo", "a"])).stdout.toString()).toBe("a\n");
  });
});

describe("a way round", () => {
  it("by a ProxyCommand is taken, and ends with the connection", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server, ["ProxyCommand nc %h %p"]);
    expect(await ssh.run(["true"])).toMatchObject({ code: 0 });
    await ssh[Symbol.asyncDispose]();
    await eventually(() => server.connections().length === 0, { what: "the end of nc" });
  });

  it("by a jump host is taken, whose key must be known too", async () => {
    const [server, jump] = await Promise.all([startSshd(), startSshd()]);
    const ssh = await connectionTo(server, ["ProxyJump jump"], [jump.entry("jump")]);
    await expect(ssh.connect()).rejects.toMatchObject({
      trouble: "host_key_unknown",
      hostKey: { name: `[127.0.0.1]:${jump.port}` },
    });
    await appendFile(server.knownHosts, await jump.knownHostsLines());
    expect(await ssh.run(["true"])).toMatchObject({ code: 0 });
    killConnections(jump);
    await eventually(() => ssh.state.kind === "down");
    expect(await ssh.run(["true"])).toMatchObject({ code: 0 });
    await ssh[Symbol.asyncDispose]();
    await eventually(() => [...jump.connections(), ...server.connections()].length === 0);
  });

  it("by two jump hosts is taken, the first of which is reached first", async () => {
    const [server, far, near] = await Promise.all([startSshd(), startSshd(), startSshd()]);
    const others = [far.entry("far", ["ProxyJump nowhere.invalid"]), near.entry("near")];
    const ssh = await connectionTo(server, [`ProxyJump near,${userInfo().username}@far:${far.port}`], others);
    await appendFile(server.knownHosts, (await far.knownHostsLines()) + (await near.knownHostsLines()));
    expect(await ssh.run(["true"])).toMatchObject({ code: 0 });
    expect([near.accepted(), far.accepted(), server.accepted()]).toEqual([1, 1, 1]);
  });

  it("that leads round in a circle is refused", async () => {
    const [server, jump] = await Promise.all([startSshd(), startSshd()]);
    const ssh = await connectionTo(server, ["ProxyJump jump"], [jump.entry("jump", ["ProxyJump cluster"])]);
    await expect(ssh.connect()).rejects.toEqual(trouble("config"));
  });

  it("by a jump host that cannot reach the host says so", async () => {
    const [server, jump] = await Promise.all([startSshd(), startSshd()]);
    const ssh = await connectionTo(server, ["ProxyJump jump"], [jump.entry("jump")]);
    await appendFile(server.knownHosts, await jump.knownHostsLines());
    await server.close();
    await expect(ssh.connect()).rejects.toEqual(trouble("unreachable"));
    await eventually(() => jump.connections().length === 0, { what: "the end of the jump" });
  });
});

describe("a forwarded port", () => {
  it("brings each of its connections here, both ways, until it is cancelled", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server);
    const forward = await ssh.forward((socket) => void socket.pipe(socket));
    const other = await ssh.forward((socket) => void socket.end("other"));
    const client = connect({ port: forward.port, host: "127.0.0.1" });
    const sent = randomBytes(3_000_000);
    client.end(sent);
    expect((await buffer(client)).equals(sent)).toBe(true);
    expect((await buffer(connect({ port: other.port, host: "127.0.0.1" }))).toString()).toBe("other");

    await forward[Symbol.asyncDispose]();
    await forward.gone;
    const refused = connect({ port: forward.port, host: "127.0.0.1" });
    expect(await once(refused, "error")).toMatchObject([{ code: "ECONNREFUSED" }]);
    expect((await buffer(connect({ port: other.port, host: "127.0.0.1" }))).toString()).toBe("other");
  });

  it("is gone with the connection", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server);
    const forward = await ssh.forward(() => undefined);
    killConnections(server);
    await forward.gone;
    await forward[Symbol.asyncDispose]();
    expect(await ssh.forward(() => undefined)).toHaveProperty("port");
  });

  it("is refused by name where the host allows none", async () => {
    const ssh = await connectionTo(await startSshd({ config: ["AllowTcpForwarding no"] }));
    await expect(ssh.forward(() => undefined)).rejects.toEqual(trouble("forward_refused"));
  });
});
