import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { needs } from "../../support/requires.ts";
import { connectionTo, startSshd } from "../../support/sshd.ts";

// Real programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });
beforeEach(needs("sshd", "apt-get install openssh-server openssh-client"));

const trouble = (expected: string): unknown =>
  expect.objectContaining({ name: "CannotAsk", trouble: expected });

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
    server.killConnections();
    await forward.gone;
    await forward[Symbol.asyncDispose]();
    expect(await ssh.forward(() => undefined)).toHaveProperty("port");
  });

  it("is refused by name where the host allows none", async () => {
    const ssh = await connectionTo(await startSshd({ config: ["AllowTcpForwarding no"] }));
    await expect(ssh.forward(() => undefined)).rejects.toEqual(trouble("forward_refused"));
  });
});
