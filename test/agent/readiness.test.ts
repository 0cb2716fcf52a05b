import { spawn } from "node:child_process";
import type { RequestListener } from "node:http";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { createServer as createTcpServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { holdPort } from "../../agent/ports.ts";
import type { Probe, ReadinessTarget } from "../../agent/readiness.ts";
import { probe, untilReady } from "../../agent/readiness.ts";
import { eventually } from "../support/eventually.ts";
import { selfSigned } from "../support/self-signed.ts";

const never = new AbortController().signal;

async function listen(server: Server, host = "127.0.0.1", port = 0): Promise<number> {
  await new Promise<void>((done) => server.listen(port, host, () => done()));
  onTestFinished(() => new Promise<void>((done) => void server.close(() => done())));
  return (server.address() as AddressInfo).port;
}

const serve = (listener: RequestListener, host?: string): Promise<number> =>
  listen(createServer(listener), host);

const once = (target: Partial<ReadinessTarget> & { port: number }): Promise<Probe> =>
  probe({ tls: false, path: "/", ...target }, never);

function wait(
  target: ReadinessTarget,
  options: { below?: number; timeoutMs?: number; onListening?: () => void; signal?: AbortSignal } = {},
): Promise<string | undefined> {
  const { below = 500, timeoutMs = 10_000, onListening = () => {}, signal = never } = options;
  return untilReady({ target: () => target, below, timeoutMs, onListening, signal });
}

describe("a probe", () => {
  it("asks for the very path, and follows no redirect", async () => {
    const seen: string[] = [];
    const port = await serve((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.host}`);
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    expect(await once({ port, path: "//lab%2Ftree?token=a%20b&x=1#top" })).toEqual({
      found: "answered",
      status: 302,
    });
    expect(seen).toEqual([`GET //lab%2Ftree?token=a%20b&x=1 127.0.0.1:${port}`]);
  });

  it("reaches a service that listens on ::1 only", async () => {
    const port = await serve((_, response) => response.end(), "::1");
    expect(await once({ port })).toEqual({ found: "answered", status: 200 });
  });

  it("takes the head of an answer for the answer, and closes the connection", async () => {
    let open = 0;
    const port = await serve((_, response) => {
      open++;
      response
        .on("close", () => open--)
        .writeHead(200)
        .write("an endless stream");
    });
    expect(await once({ port })).toEqual({ found: "answered", status: 200 });
    await eventually(() => open === 0, { what: "the connection's end" });
  });

  it("accepts a self-signed certificate", async () => {
    const port = await listen(createTlsServer(selfSigned("node17"), (_, response) => response.end()));
    expect(await once({ port, tls: true })).toEqual({ found: "answered", status: 200 });
    expect(await once({ port, tls: false })).toMatchObject({ found: "mute" });
  });

  it("finds nobody on a port that is only held", async () => {
    using held = await holdPort();
    expect(await once({ port: held.port })).toEqual({ found: "nothing" });
  });

  it("finds what speaks another protocol", async () => {
    const port = await listen(createTcpServer((socket) => void socket.end("SSH-2.0-x\r\n").resume()));
    expect(await once({ port })).toMatchObject({ found: "mute" });
    expect(await once({ port, tls: true })).toMatchObject({ found: "mute" });
  });

  it.skipIf(process.getuid?.() !== 0)("sends nothing to another user's listener", async () => {
    using held = await holdPort();
    const script = `import os, socket, sys
os.setuid(65534)
server = socket.create_server(("127.0.0.1", ${held.port}))
print(server.accept()[0].recv(100), flush=True)`;
    const child = spawn("python3", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void child.kill("SIGKILL"));
    const received = child.stdout.setEncoding("utf8").toArray();
    const found = await eventually(
      async () => {
        const last = await once({ port: held.port, path: "/?token=secret" });
        return last.found !== "nothing" && last;
      },
      { what: "the stranger's listener" },
    );
    expect(found).toEqual({ found: "stranger", uid: 65_534 });
    expect((await received).join("")).toBe("b''\n");
  });
});

describe("waiting for a service", () => {
  it("ends when it listens, and tells so", async () => {
    using held = await holdPort();
    let told = 0;
    const waiting = wait({ port: held.port, tls: false, path: "/" }, { onListening: () => told++ });
    await listen(
      createServer((_, response) => response.end()),
      "127.0.0.1",
      held.port,
    );
    expect(await waiting).toBeUndefined();
    expect(told).toBe(1);
  });

  it("does not end while it answers 500 and above", async () => {
    const statuses = [500, 502, 503, 404];
    const port = await serve((_, response) => response.writeHead(statuses.shift() ?? 599).end());
    expect(await wait({ port, tls: false, path: "/" })).toBeUndefined();
    expect(statuses).toEqual([]);
  });

  it("keeps to the service's own limit", async () => {
    const statuses = [404, 401, 399];
    const port = await serve((_, response) => response.writeHead(statuses.shift() ?? 599).end());
    expect(await wait({ port, tls: false, path: "/" }, { below: 400 })).toBeUndefined();
    expect(statuses).toEqual([]);
  });

  it("looks where the service is now", async () => {
    const port = await serve((_, response) => response.end());
    using held = await holdPort();
    const ports = [held.port, held.port, port];
    const target = () => ({ port: ports.shift() ?? port, tls: false, path: "/" });
    expect(
      await untilReady({ target, below: 500, timeoutMs: 10_000, onListening: () => {}, signal: never }),
    ).toBeUndefined();
    expect(ports).toEqual([]);
  });

  it("says at the end of the budget what it saw last", async () => {
    using held = await holdPort();
    expect(await wait({ port: held.port, tls: false, path: "/" }, { timeoutMs: 100 })).toBe(
      `nothing listens on port ${held.port}`,
    );
    const port = await serve((_, response) => response.writeHead(503).end());
    expect(await wait({ port, tls: false, path: "/" }, { timeoutMs: 100 })).toBe(
      "it answers with status 503",
    );
    expect(await wait({ port, tls: true, path: "/" }, { timeoutMs: 100 })).toContain(
      `port ${port} does not speak HTTPS (`,
    );
  });

  it("stops when it is told to, even within a probe", async () => {
    const controller = new AbortController();
    const port = await serve(() => controller.abort(new Error("enough")));
    await expect(wait({ port, tls: false, path: "/" }, { signal: controller.signal })).rejects.toThrow(
      "enough",
    );
  });
});
