import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { needs } from "../support/requires.ts";
import type { RunningService } from "../support/service-script.ts";
import { runService } from "../support/service-script.ts";

vi.setConfig({ testTimeout: 90_000 });

const HOST = "sessions.localhost:8787";

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "berth-vscode-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe("the editor service", () => {
  beforeEach(needs("code-server", "npm install --global code-server@4.139.1"));

  async function editor(options: Parameters<typeof runService>[1] = {}): Promise<RunningService> {
    const service = await runService("vscode", options);
    await (await service.answer("/healthz")).text();
    return service;
  }

  it("opens the folder of the form, by addresses that work behind any prefix", async () => {
    const home = await temporary();
    const name = 'it\'s "$(touch x)" & a+b';
    await mkdir(join(home, name));
    const { answer } = await editor({ home, inputs: { folder: name } });
    const moved = await answer("/");
    const location = moved.headers.get("location") ?? "";
    expect([moved.status, location.slice(0, 10)]).toEqual([302, "./?folder="]);
    expect(new URL(location, "http://x/").searchParams.get("folder")).toBe(join(home, name));
    const page = await answer(location.slice(1));
    expect(page.status).toBe(200);
    const addresses = [...(await page.text()).matchAll(/ (?:href|src)="([^"]+)"/g)].map(
      ([, url]) => url ?? "",
    );
    expect(addresses.length).toBeGreaterThan(3);
    for (const address of addresses) expect(address).not.toMatch(/^\//);
  });

  it("takes the WebSocket of its own page, not that of another origin", async () => {
    const { port } = await editor();
    const open = async (origin: string): Promise<WebSocket> => {
      const query = `reconnectionToken=${randomUUID()}&reconnection=false&skipWebSocketFrames=false`;
      const socket = new WebSocket(`ws://127.0.0.1:${port}/?${query}`, { headers: { host: HOST }, origin });
      onTestFinished(() => socket.terminate());
      await once(socket, "open");
      return socket;
    };
    await expect(open("http://evil.example")).rejects.toThrow("403");
    expect((await open(`http://${HOST}`)).readyState).toBe(WebSocket.OPEN);
  });

  it("neither reads nor writes the settings of servers that are started by hand, and leaves nothing in /tmp", async () => {
    const home = await temporary();
    const sockets = await temporary();
    await mkdir(join(home, ".config/code-server"), { recursive: true });
    await writeFile(join(home, ".config/code-server/config.yaml"), "auth: password\npassword: x\n");
    const service = await editor({ home, environment: { TMPDIR: sockets } });
    expect((await service.answer("/")).headers.get("location")).toMatch(/^\.\/\?folder=/);
    process.kill(-(service.process.pid ?? 0), "SIGTERM");
    await service.ended();
    expect((await readdir(sockets)).filter((name) => name.startsWith("berth."))).toEqual([]);
  });

  it("is its user's alone, on a host that others share", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "only root can be another user for a moment");
    const { port } = await editor();
    const script = `await fetch("http://127.0.0.1:${port}/healthz").then(() => process.exit(1), () => process.exit(0))`;
    const args = ["--input-type=module", "-e", script];
    const stranger = spawn(process.execPath, args, { uid: 65_534, cwd: "/", stdio: "ignore" });
    expect(await once(stranger, "exit")).toEqual([0, null]);
  });
});

describe("the editor service where it cannot start", () => {
  it("says what is missing", async () => {
    const service = await runService("vscode", { environment: { PATH: await temporary() } });
    expect(await service.ended()).not.toBe(0);
    expect(await service.error()).toMatch(/Cannot find code-server .* Install it with: npm install --global/);
  });

  it("says which Node code-server was built for, when that is not here", async () => {
    const installed = await temporary();
    const entry = join(installed, "out/node/entry.js");
    await mkdir(join(installed, "out/node"), { recursive: true });
    await writeFile(entry, "#!/bin/sh\necho started\n");
    await chmod(entry, 0o755);
    await writeFile(join(installed, "package.json"), '{\n  "engines": {\n    "node": "99"\n  }\n}\n');
    await symlink(entry, join(installed, "code-server"));
    const environment = { PATH: `${installed}:${process.env["PATH"]}` };
    const service = await runService("vscode", { environment });
    expect(await service.ended()).not.toBe(0);
    expect(await service.error()).toMatch(/Cannot start .*\/code-server: it needs Node 99/);
  });

  it("says so when the folder is not there", async () => {
    const service = await runService("vscode", { inputs: { folder: "no/where" } });
    expect(await service.ended()).not.toBe(0);
    expect(await service.error()).toMatch(/Cannot open ".*\/no\/where"/);
  });
});
