import { once } from "node:events";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { needs } from "../../support/requires.ts";
import { connectionTo, startSshd } from "../../support/sshd.ts";

// Real programs, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });
beforeEach(needs("sshd", "apt-get install openssh-server openssh-client"));

const trouble = (expected: string): unknown =>
  expect.objectContaining({ name: "CannotAsk", trouble: expected });

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
    for await (const _line of lost) server.killConnections();
  });

  it("closes with the connection", async () => {
    const server = await startSshd();
    const ssh = await connectionTo(server);
    const command = await ssh.open(["cat"]);
    const closed = once(command, "close");
    server.killConnections();
    await closed;
    expect(command.exitCode).toBeUndefined();
    expect(command.write("into the void")).toBe(false);
  });
});
