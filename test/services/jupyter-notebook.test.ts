import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { eventually } from "../support/eventually.ts";
import { needs } from "../support/requires.ts";
import type { RunningService } from "../support/service-script.ts";
import { runService } from "../support/service-script.ts";

vi.setConfig({ testTimeout: 90_000 });
beforeEach(needs("jupyter-notebook", "apt-get install jupyter-notebook"));

const HOST = "sessions.localhost:8787";
const ORIGIN = `http://${HOST}`;

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "berth-home-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

async function notebook(options: Parameters<typeof runService>[1] = {}): Promise<RunningService> {
  const service = await runService("jupyter-notebook", options);
  await (await service.answer(`${service.basepath}/tree`)).text();
  return service;
}

/** What a page of Jupyter's sends with its calls: the cookie against forged requests, and the token from it. */
async function pageHeaders({ answer, basepath }: RunningService): Promise<Record<string, string>> {
  const cookies = (await answer(`${basepath}/tree`)).headers.getSetCookie();
  const xsrf = /_xsrf=([^;]+)/.exec(cookies.join(";"))?.[1] ?? "";
  return { cookie: `_xsrf=${xsrf}`, "x-xsrftoken": xsrf };
}

async function open(service: RunningService, path: string, origin: string): Promise<WebSocket> {
  const headers = { ...(await pageHeaders(service)), host: HOST };
  const socket = new WebSocket(`ws://127.0.0.1:${service.port}${service.basepath}${path}`, {
    headers,
    origin,
  });
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  return socket;
}

/** The text messages of a socket, in one. */
function heard(socket: WebSocket): () => string {
  let all = "";
  socket.on("message", (data: Buffer) => (all += data.toString()));
  return () => all;
}

describe("the notebook service", () => {
  it("answers behind its prefix", async () => {
    const service = await notebook();
    const { basepath, answer } = service;
    const page = await answer(`${basepath}/tree`);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain(`${basepath}/`);
    expect((await answer("/tree")).status).toBe(404);
    const moved = await answer(`${basepath}/`);
    expect(moved.status).toBe(302);
    expect(moved.headers.get("location")).toMatch(new RegExp(`^${basepath}/tree\\??$`));
  });

  it("shows the folder of the form, whatever its name", async () => {
    const home = await temporary();
    const name = 'it\'s "$(touch x)" #{y}';
    await mkdir(join(home, name));
    await writeFile(join(home, name, "here.txt"), "42");
    const { answer, basepath } = await notebook({ home, inputs: { folder: name } });
    const contents = await (await answer(`${basepath}/api/contents`)).json();
    expect(contents).toMatchObject({ content: [{ name: "here.txt" }] });
  });

  it("runs code in a kernel", async () => {
    const service = await notebook();
    const { answer, basepath } = service;
    const headers = await pageHeaders(service);
    const made = await answer(`${basepath}/api/kernels`, { method: "POST", headers });
    const { id } = (await made.json()) as { id: string };
    const socket = await open(service, `/api/kernels/${id}/channels`, ORIGIN);
    const all = heard(socket);
    const session = randomUUID();
    const ask = (type: string, content: object): void =>
      socket.send(
        JSON.stringify({
          channel: "shell",
          header: { msg_id: randomUUID(), msg_type: type, session, username: "", version: "5.3", date: "" },
          parent_header: {},
          metadata: {},
          content,
        }),
      );
    ask("execute_request", { code: "print(6*7)", silent: false });
    expect(await eventually(() => /"text": ?"42\\n"/.test(all()), { timeoutMs: 30_000, what: "42" })).toBe(
      true,
    );
  });

  it("has terminals, for its own pages alone", async () => {
    const service = await notebook();
    const { answer, basepath } = service;
    expect((await answer(`${basepath}/api/terminals`, { method: "POST" })).status).toBe(403);
    const headers = await pageHeaders(service);
    const made = await answer(`${basepath}/api/terminals`, { method: "POST", headers });
    const { name } = (await made.json()) as { name: string };
    await expect(open(service, `/terminals/websocket/${name}`, "http://evil.example")).rejects.toThrow("403");
    const socket = await open(service, `/terminals/websocket/${name}`, ORIGIN);
    const all = heard(socket);
    socket.send(JSON.stringify(["stdin", "echo answer-$((6*7))\r"]));
    expect(await eventually(() => all().includes("answer-42"), { what: "42" })).toBe(true);
  });

  it("is its user's alone, on a host that others share", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "only root can be another user for a moment");
    const { port, basepath, answer } = await notebook();
    const script = `for (const path of ["api/contents", "api/kernels", "files/x", "tree", "terminals/websocket/1"])
      await fetch("http://127.0.0.1:${port}${basepath}/" + path, { redirect: "manual" })
        .then((answer) => console.log(answer.status));`;
    const stranger = spawn(process.execPath, ["--input-type=module", "-e", script], {
      uid: 65_534,
      cwd: "/",
    });
    expect((await text(stranger.stdout)).split("\n")).toEqual(["403", "403", "302", "302", "403", ""]);
    expect((await answer(`${basepath}/api/contents`)).status).toBe(200);
  });

  it("keeps the user's own settings, but for those that the session depends on", async () => {
    const home = await temporary();
    await mkdir(join(home, ".jupyter"));
    const settings = `
c.NotebookApp.port = c.ServerApp.port = 1
c.NotebookApp.password = c.ServerApp.password = "sha1:x:y"
c.NotebookApp.certfile = c.ServerApp.certfile = "/nowhere.pem"
c.NotebookApp.tornado_settings = c.ServerApp.tornado_settings = {"headers": {"X-Mine": "kept"}}
`;
    await writeFile(join(home, ".jupyter/jupyter_notebook_config.py"), settings);
    await writeFile(join(home, ".jupyter/jupyter_server_config.py"), settings);
    const { answer, basepath } = await notebook({ home });
    const contents = await answer(`${basepath}/api/contents`);
    expect([contents.status, contents.headers.get("x-mine")]).toEqual([200, "kept"]);
  });

  it("starts although a file of the user's settings is broken", async () => {
    const home = await temporary();
    await mkdir(join(home, ".jupyter"));
    await writeFile(
      join(home, ".jupyter/jupyter_notebook_config.py"),
      "c.NotebookApp.port = 1\nraise ValueError('x')",
    );
    const service = await notebook({ home });
    expect(await service.log()).toContain(
      "passed over ~/.jupyter/jupyter_notebook_config.py: ValueError('x')",
    );
  });

  it("ends with its kernels at a TERM", async () => {
    const service = await notebook();
    process.kill(-(service.process.pid ?? 0), "SIGTERM");
    await service.ended();
    expect(await service.log()).toMatch(/received signal 15, stopping/);
  });

  it("says so instead of starting in a folder that is not there", async () => {
    const service = await runService("jupyter-notebook", { inputs: { folder: "/no/where" } });
    expect(await service.ended()).not.toBe(0);
    expect(await service.error()).toMatch(/Cannot start Jupyter in "\/no\/where"/);
  });
});
