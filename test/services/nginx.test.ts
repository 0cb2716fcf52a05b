import { lchown, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { needs } from "../support/requires.ts";
import { runService } from "../support/service-script.ts";

vi.setConfig({ testTimeout: 90_000 });
beforeEach(needs("nginx", "apt-get install nginx-light"));

/** A home with files in it, by their paths. */
async function homeWith(files: Record<string, string>): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "berth-home-"));
  onTestFinished(() => rm(home, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(home, path)), { recursive: true });
    await writeFile(join(home, path), content);
  }
  return home;
}

/** Sends a request target that no client library would, and returns the whole answer. */
async function raw(port: number, target: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET ${target} HTTP/1.1\r\nHost: sessions.localhost\r\nConnection: close\r\n\r\n`);
  return await text(socket);
}

describe("the folder service", () => {
  it("serves and lists a folder of the home", async () => {
    const home = await homeWith({ "site/report.html": "<h1>42</h1>", "site/sub/data.csv": "a,b\n" });
    const service = await runService("nginx", { home, inputs: { folder: "site", autoindex: "true" } });
    const list = await service.answer("/");
    expect(list.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await list.text()).toMatch(/href="sub\/".*href="report\.html"/s);
    const report = await service.answer("/report.html");
    expect(await report.text()).toBe("<h1>42</h1>");
    const etag = report.headers.get("etag") ?? "";
    expect((await service.answer("/report.html", { headers: { "if-none-match": etag } })).status).toBe(304);
    const part = await service.answer("/report.html", { headers: { range: "bytes=4-5" } });
    expect([part.status, await part.text()]).toEqual([206, "42"]);
    // By a path alone, which the edge can map behind its prefix.
    const moved = await service.answer("/sub");
    expect([moved.status, moved.headers.get("location")]).toEqual([301, "/sub/"]);
    expect((await service.answer("/report.html", { method: "DELETE" })).status).toBe(405);
    expect(await service.log()).toMatch(/200 11 "GET \/report\.html HTTP\/1\.1"/);
  });

  it("lists nothing unless it was asked to", async () => {
    const home = await homeWith({ "site/report.html": "42" });
    const service = await runService("nginx", { home, inputs: { folder: "site", autoindex: "false" } });
    expect((await service.answer("/")).status).toBe(403);
    expect((await service.answer("/report.html")).status).toBe(200);
  });

  it.each([
    "with space",
    'it\'s "quoted"',
    "$HOME $host ${uri} $(touch x) `touch y`",
    "x; return 200 injected; #",
    "} server { listen 1; ",
    "line\nbreak; root /;",
    "back\\slash",
    "-p",
    "ünïcode 日本",
    "*",
  ])("serves a folder named %j", async (name) => {
    const home = await homeWith({ [`${name}/file.txt`]: `in ${name}` });
    const service = await runService("nginx", { home, inputs: { folder: name } });
    expect(await (await service.answer("/file.txt")).text()).toBe(`in ${name}`);
    expect((await service.answer("/etc/passwd")).status).toBe(404);
  });

  it("serves nothing outside of the folder", async () => {
    const home = await homeWith({ "site/in.txt": "in", "secret.txt": "SECRET", "site-2/x.txt": "SECRET" });
    const service = await runService("nginx", { home, inputs: { folder: "site" } });
    await service.answer("/in.txt");
    for (const target of [
      "/../secret.txt",
      "/sub/../../secret.txt",
      "/%2e%2e/secret.txt",
      "/..%2fsecret.txt",
      "/%2e%2e%2fsecret.txt",
      "/..\\secret.txt",
      "/%5c..%5csecret.txt",
      "/..;/secret.txt",
      "/%00/../secret.txt",
      "/../site-2/x.txt",
      "//../secret.txt",
      "../secret.txt",
      "/%c0%ae%c0%ae/secret.txt",
    ]) {
      const answer = await raw(service.port, target);
      expect([target, answer.includes("SECRET")]).toEqual([target, false]);
      expect(answer).toMatch(/^HTTP\/1\.1 40[04] |^<html>/);
    }
  });

  it("serves hidden files only when asked to", async () => {
    const home = await homeWith({ "site/.git/config": "GIT", "site/a/.env": "ENV", "site/.well": "DOT" });
    const paths = ["/.git/config", "/a/.env", "/.well", "/%2ewell", "/a/%2eenv"];
    const hiding = await runService("nginx", { home, inputs: { folder: "site", hidden: "false" } });
    for (const path of paths) expect([path, (await hiding.answer(path)).status]).toEqual([path, 404]);
    const showing = await runService("nginx", { home, inputs: { folder: "site", hidden: "true" } });
    for (const path of paths) expect([path, (await showing.answer(path)).status]).toEqual([path, 200]);
  });

  it("follows the user's own links, in the folder and to it", async () => {
    const home = await homeWith({ "site/in.txt": "in", "elsewhere/data.txt": "data" });
    await symlink(join(home, "elsewhere"), join(home, "site/own"));
    await symlink(join(home, "site"), join(home, "link to it"));
    const service = await runService("nginx", { home, inputs: { folder: "link to it" } });
    expect(await (await service.answer("/own/data.txt")).text()).toBe("data");
    expect((await service.answer("/in.txt")).status).toBe(200);
  });

  it("does not follow the links of others", async ({ skip }) => {
    skip(process.getuid?.() !== 0, "only root can make another user's link");
    const home = await homeWith({ "site/in.txt": "in", "elsewhere/data.txt": "data" });
    await symlink(join(home, "elsewhere/data.txt"), join(home, "site/foreign"));
    await lchown(join(home, "site/foreign"), 65_534, 65_534);
    const service = await runService("nginx", { home, inputs: { folder: "site" } });
    expect((await service.answer("/foreign")).status).toBe(403);
  });

  it.each([
    [
      "a folder that is not there",
      "no/where",
      /Cannot serve ".*\/no\/where": it is no folder that you may read/,
    ],
    ["a file", "file", /Cannot serve/],
    ["no folder at all", "", /Cannot serve/],
  ])("says so instead of serving %s", async (_, folder, message) => {
    const service = await runService("nginx", { home: await homeWith({ file: "" }), inputs: { folder } });
    expect(await service.ended()).not.toBe(0);
    expect(await service.error()).toMatch(message);
  });

  it("does not serve Berth's own files", async () => {
    const home = await homeWith({
      ".berth/token": "TOKEN",
      ".berth/sessions/s0/x": "",
      "berth/token": "TOKEN",
      "berth/sessions/s0/x": "",
      "public/index.html": "public",
    });
    const serve = (folder: string, berth: string, hidden = "false"): ReturnType<typeof runService> => {
      const variables = { pw_job_dir: join(home, berth, "sessions/s0") };
      return runService("nginx", { home, inputs: { folder, hidden }, variables });
    };
    for (const [folder, berth, hidden] of [
      [".berth", ".berth"],
      [".berth/sessions/s0", ".berth"],
      ["~", "berth"],
      ["/", "berth"],
      ["~", ".berth", "true"],
    ] as const) {
      const service = await serve(folder, berth, hidden);
      expect([folder, await service.ended()]).not.toEqual([folder, 0]);
      expect(await service.error()).toMatch(/Berth's own files in ".*" would be served with it/);
    }
    const beside = await serve("public", "berth", "true");
    expect(await (await beside.answer("/")).text()).toBe("public");
    const above = await serve("~", ".berth");
    expect((await above.answer("/.berth/token")).status).toBe(404);
  });

  it("keeps its own files in the session directory, and leaves nothing in /tmp", async () => {
    const home = await homeWith({ "site/in.txt": "in" });
    const temporary = await mkdtemp(join(tmpdir(), "berth-tmp-"));
    onTestFinished(() => rm(temporary, { recursive: true }));
    const service = await runService("nginx", {
      home,
      inputs: { folder: "site" },
      environment: { TMPDIR: temporary },
    });
    await service.answer("/in.txt");
    const pid = await readFile(join(service.directory, "nginx/nginx.pid"), "utf8");
    expect(Number(pid)).toBeGreaterThan(1);
    process.kill(-(service.process.pid ?? 0), "SIGTERM");
    await service.ended();
    expect(await readdir(temporary)).toEqual([]);
  });

  it("listens by itself where there is no Node", async () => {
    const home = await homeWith({ "site/in.txt": "in" });
    const service = await runService("nginx", {
      home,
      inputs: { folder: "site" },
      variables: { berth_node: "" },
    });
    expect(await (await service.answer("/in.txt")).text()).toBe("in");
    expect(await service.log()).toMatch(/every user of it can reach port/);
  });
});
