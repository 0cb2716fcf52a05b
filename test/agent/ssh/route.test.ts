import { appendFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { needs } from "../../support/requires.ts";
import { connectionTo, startSshd } from "../../support/sshd.ts";

// Real programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });
beforeEach(needs("sshd", "apt-get install openssh-server openssh-client"));

const trouble = (expected: string): unknown =>
  expect.objectContaining({ name: "CannotAsk", trouble: expected });

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
    jump.killConnections();
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
