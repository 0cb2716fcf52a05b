import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { holdPort, isAllowedPort, listenerOwner } from "../../agent/ports.ts";
import { eventually } from "../support/eventually.ts";

const UID = process.getuid?.();

/** A child that the test ends, with what it wrote. */
function start(command: string, args: string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  return { child, output: () => output };
}

/** In CI a missing program is a failure, elsewhere a skip. */
const has = (program: string): boolean =>
  process.env["CI"] === "true" || spawnSync(program, ["-h"]).error === undefined;
const answers = async (port: number): Promise<boolean> =>
  (await fetch(`http://127.0.0.1:${port}/`)).status < 500;

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "berth-ports-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

describe("a held port", () => {
  it.each(["127.0.0.1", "0.0.0.0", "::1", "::", undefined])(
    "lets a Node service listen on %s",
    async (host) => {
      using held = await holdPort();
      const server = createServer();
      server.listen(held.port, host);
      await once(server, "listening");
      expect((server.address() as AddressInfo).port).toBe(held.port);
      await new Promise((done) => server.close(done));
    },
  );

  it("lets python's http.server listen, and serve after the release", async () => {
    const held = await holdPort();
    start("python3", [
      "-m",
      "http.server",
      String(held.port),
      "--bind",
      "127.0.0.1",
      "--directory",
      await temporary(),
    ]);
    await eventually(() => answers(held.port), { what: "http.server" });
    held[Symbol.dispose]();
    expect(await answers(held.port)).toBe(true);
  });

  it.skipIf(!has("nginx"))("lets nginx listen", async () => {
    using held = await holdPort();
    const directory = await temporary();
    const conf = `daemon off; pid ${directory}/pid; error_log stderr; events {} http { access_log off;
      server { listen ${held.port}; location / { return 204; } } }`;
    await writeFile(join(directory, "nginx.conf"), conf);
    const { child } = start("nginx", ["-c", join(directory, "nginx.conf")]);
    await eventually(() => answers(held.port), { what: "nginx" });
    child.kill("SIGTERM");
    await once(child, "exit");
  });

  it("is refused to a service that does not set SO_REUSEADDR", async () => {
    using held = await holdPort();
    const script = `import socket; socket.socket().bind(("127.0.0.1", ${held.port}))`;
    const { child, output } = start("python3", ["-c", script]);
    await once(child, "close");
    expect(output()).toContain("Address already in use");
  });

  it("is handed to nobody who asks for any port, listening or connecting", async () => {
    using held = new DisposableStack();
    const ports: number[] = [];
    for (let count = 0; count < 500; count++) ports.push(held.use(await holdPort()).port);
    expect(new Set(ports).size).toBe(500);
    const script = `
import socket
held = {${ports.join(",")}}
def binds(family, host, reuse):
    for _ in range(2000):
        with socket.socket(family) as s:
            if reuse: s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind((host, 0))
            yield s.getsockname()[1]
def connects():
    with socket.create_server(("127.0.0.1", 0), backlog=2000) as server:
        for _ in range(2000):
            with socket.create_connection(server.getsockname()) as s: yield s.getsockname()[1]
            server.accept()[0].close()
V4, V6 = socket.AF_INET, socket.AF_INET6
sources = [binds(V4, "127.0.0.1", False), binds(V4, "127.0.0.1", True), binds(V4, "0.0.0.0", True), connects()]
if socket.has_ipv6: sources += [binds(V6, "::1", False), binds(V6, "::", True)]
print(sum(port in held for source in sources for port in source))`;
    const { child, output } = start("python3", ["-c", script]);
    await once(child, "close");
    expect(output()).toBe("0\n");
  });

  it("can be held again, unless its service listens by now", async () => {
    const first = await holdPort();
    first[Symbol.dispose]();
    using again = await holdPort(first.port);
    expect(again.port).toBe(first.port);
    again[Symbol.dispose]();
    const server = createServer();
    server.listen(first.port, "127.0.0.1");
    await once(server, "listening");
    await expect(holdPort(first.port)).rejects.toMatchObject({ code: "EADDRINUSE" });
    await new Promise((done) => server.close(done));
  });
});

describe("the owner of a listener", () => {
  it.each(["127.0.0.1", "0.0.0.0", "::1", "::"])("is found on %s", async (host) => {
    const server = createServer();
    server.listen(0, host);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(await listenerOwner(port)).toBe(UID);
    expect(await listenerOwner(port, "127.0.0.1")).toBe(host === "::1" ? undefined : UID);
    expect(await listenerOwner(port, "::1")).toBe(host.startsWith("::") ? UID : undefined);
    await new Promise((done) => server.close(done));
    expect(await listenerOwner(port)).toBeUndefined();
  });

  it("is nobody while a port is only held", async () => {
    using held = await holdPort();
    expect(await listenerOwner(held.port)).toBeUndefined();
  });

  it.skipIf(UID !== 0)("is the stranger who took the number first", async () => {
    using held = await holdPort();
    const script = `import os, socket, time
os.setuid(65534)
server = socket.create_server(("127.0.0.1", ${held.port}))
time.sleep(60)`;
    start("python3", ["-c", script]);
    expect(await eventually(() => listenerOwner(held.port), { what: "the stranger's listener" })).toBe(
      65_534,
    );
  });
});

describe("an allowed port", () => {
  it.each([
    [1024, true],
    [65_535, true],
    [1023, false],
    [0, false],
    [-1, false],
    [65_536, false],
    [8080.5, false],
    [Number.NaN, false],
    [8787, false],
  ])("%d: %s", (port, allowed) => {
    expect(isAllowedPort(port, new Set([8787]))).toBe(allowed);
  });
});
