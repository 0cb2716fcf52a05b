import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { freePort } from "../../support/free-port.ts";

const GATE = join(import.meta.dirname, "../../../services/shared/gate.ts");

/** Answers each connection with what it was sent, once the other side has ended its half. */
const ECHO = `require("net").createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))`;

type Gate = { port: number; socket: string; process: ChildProcess; output: () => string };

/** Starts a gate before a Node program, which finds its socket in SOCKET. */
async function gate(program: string, options: { port?: number } = {}): Promise<Gate> {
  const directory = await mkdtemp(join(tmpdir(), "berth-gate-"));
  const socket = join(directory, "socket");
  const port = options.port ?? (await freePort());
  const args = [GATE, `--port=${port}`, `--socket=${socket}`, "--", process.execPath, "-e", program];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, SOCKET: socket },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += String(data)));
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await exited;
    await rm(directory, { recursive: true, force: true });
  });
  return { port, socket, process: child, output: () => output };
}

const reached = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
  });

async function echoing(): Promise<Gate> {
  const started = await gate(`${ECHO}.listen(process.env.SOCKET)`);
  await eventually(() => reached(started.port), { what: "the gate to open" });
  return started;
}

describe("the gate before an application", () => {
  it("passes every byte both ways, also after one side has ended its half", async () => {
    const { port } = await echoing();
    const sent = Buffer.alloc(16 * 1024 * 1024, "0123456789abcdef-");
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.end(sent);
    expect((await buffer(socket)).equals(sent)).toBe(true);
  });

  it("opens only once the application listens", async () => {
    const late = await gate(
      `process.once("SIGUSR2", () => ${ECHO}.listen(process.env.SOCKET)); setInterval(() => {}, 1e6);
       console.log("pid " + process.pid)`,
    );
    await eventually(() => late.output().includes("pid "), { what: "the application" });
    expect(await reached(late.port)).toBe(false);
    process.kill(Number(/pid (\d+)/.exec(late.output())?.[1]), "SIGUSR2");
    expect(await eventually(() => reached(late.port), { what: "the gate to open" })).toBe(true);
  });

  it("ends a connection when the application does, and the other way round", async () => {
    const started = await gate(
      `require("net").createServer((socket) => { socket.write("hello");
       socket.once("data", () => socket.on("close", () => console.log("closed"))).on("error", () => {}) }).listen(process.env.SOCKET)`,
    );
    const { port } = started;
    await eventually(() => reached(port), { what: "the gate to open" });
    const socket = connect(port, "127.0.0.1");
    await once(socket, "data");
    socket.write("hello", () => socket.resetAndDestroy());
    await eventually(() => started.output().includes("closed"), { what: "the application to be told" });
    const other = connect(port, "127.0.0.1");
    const [greeting] = (await once(other, "data")) as [Buffer];
    expect(greeting.toString()).toBe("hello");
    started.process.kill("SIGTERM");
    expect(await text(other)).toBe("");
  });

  it.each([
    ["its exit code", "process.exit(7)", 7],
    ["the signal that ended it, as a shell does", "process.kill(process.pid, 'SIGKILL')", 137],
  ])("ends with the application, with %s", async (_, program, code) => {
    const { process: child, socket } = await gate(program);
    expect(await once(child, "exit")).toEqual([code, null]);
    await expect(access(socket)).rejects.toThrow("ENOENT");
  });

  it("hands a signal on, waits for the end, and takes its socket with it", async () => {
    const { process: child, socket } = await gate(
      `process.on("SIGTERM", () => { console.log("told"); process.exit(0) });
       ${ECHO}.listen(process.env.SOCKET, () => console.log("listening"))`,
    );
    await access(socket).catch(() => eventually(() => access(socket).then(() => true)));
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    await expect(access(join(socket, ".."))).rejects.toThrow("ENOENT");
  });

  it("ends the application when its port is taken", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void taken.close());
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    const { process: child, output } = await gate(`${ECHO}.listen(process.env.SOCKET)`, { port });
    expect((await once(child, "close"))[0]).not.toBe(0);
    expect(output()).toMatch(/cannot listen on port \d+: .*EADDRINUSE/);
  });

  it("lets nobody in but its user, on a host that others share", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "only root can be another user for a moment");
    const { port, output } = await echoing();
    // Hangs up its half at once: the kernel shows uid 0 for a connection in that state.
    const script = `require("net").connect({ port: ${port}, host: "127.0.0.1", allowHalfOpen: true })
      .on("data", () => process.exit(1)).on("close", () => process.exit(0)).on("error", () => {}).end("hello")`;
    const stranger = spawn(process.execPath, ["-e", script], { uid: 65_534, cwd: "/", stdio: "ignore" });
    expect(await once(stranger, "exit")).toEqual([0, null]);
    const patient = spawn(process.execPath, ["-e", script.replace('.end("hello")', '.write("hello")')], {
      uid: 65_534,
      cwd: "/",
      stdio: "ignore",
    });
    expect(await once(patient, "exit")).toEqual([0, null]);
    await eventually(() =>
      /refused a connection from another user of this host \(uid 65534\)/.test(output()),
    );
  });
});
