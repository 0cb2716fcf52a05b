import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { buffer } from "node:stream/consumers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { SshConnection, SshState } from "../../../agent/ssh/connection.ts";
import { eventually } from "../../support/eventually.ts";
import { needs } from "../../support/requires.ts";
import { connectionTo, startSshd } from "../../support/sshd.ts";

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
    server.killConnections();
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
    server.killConnections();
    await eventually(() => seen.length === 5, { what: "the second connection" });
    expect(seen).toEqual(["connecting", "up", "down", "connecting", "up"]);
    kept[Symbol.dispose]();
    server.killConnections();
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
    const ssh = await connectionTo(await startSshd(), [
      `ConnectTimeout ${isClosed ? 20 : 1}`,
      `Port ${port}`,
    ]);
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
