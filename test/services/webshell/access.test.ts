import { spawn } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { ShellPage } from "../../support/shell-page.ts";
import { webShell as shell } from "../../support/web-shell.ts";

vi.setConfig({ testTimeout: 90_000 });

describe("who reaches the web shell", () => {
  const upgrade = async (port: number, path: string, headers: Record<string, string>): Promise<string> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    const [error] = (await once(socket, "error").catch((thrown: unknown) => [thrown])) as [Error];
    return error.message;
  };

  it("is told by its path and by the prefix that only the edge sets", async () => {
    const { port, basepath } = await shell();
    const forwarded = { "x-forwarded-prefix": basepath };
    expect(await upgrade(port, "/", forwarded)).toContain("404");
    expect(await upgrade(port, "/socket/", forwarded)).toContain("404");
    expect(await upgrade(port, "/socket", {})).toContain("403");
    expect(await upgrade(port, "/socket", { "x-forwarded-prefix": "/me/1" })).toContain("403");
  });

  it("is a guest, too, with whom the session is shared", async () => {
    const { port, directory } = await shell();
    const page = await ShellPage.open({ port, basepath: `/s/${basename(directory)}` });
    page.type("echo $((6*7))\n");
    await page.shows(/^42/m);
  });

  it("is its user alone, on a host that others share", async ({ skip }) => {
    if (process.getuid?.() !== 0) skip("only root can be another user for a moment");
    const service = await shell();
    const script = `require("net").connect(${service.port}, "127.0.0.1").on("data", () => process.exit(1))
      .on("close", () => process.exit(0)).on("error", () => {}).end("GET / HTTP/1.0\\r\\n\\r\\n")`;
    const stranger = spawn(process.execPath, ["-e", script], { uid: 65_534, cwd: "/", stdio: "ignore" });
    expect(await once(stranger, "exit")).toEqual([0, null]);
    expect(await service.log()).toMatch(/refused a connection from another user of this host \(uid 65534\)/);
  });

  it("ends a page that speaks another language", async () => {
    const page = await ShellPage.open(await shell());
    page.socket.send('{"type":"resize","columns":0,"rows":1e9}');
    const [code] = (await once(page.socket, "close")) as [number];
    expect(code).toBe(1003);
  });
});

describe("the page of the web shell", () => {
  it("is served with all its parts by relative addresses, under a policy that allows no others", async () => {
    const service = await shell();
    const page = await service.answer("/?theme=x");
    expect(page.headers.get("content-security-policy")).toMatch(/default-src 'none'; script-src 'self';/);
    const addresses = [...(await page.text()).matchAll(/(?:href|src)="([^"]+)"/g)].map(
      ([, url]) => url ?? "",
    );
    const script = await (await service.answer("/page.js")).text();
    addresses.push(...[...script.matchAll(/ from "([^"]+)"/g)].map(([, url]) => url ?? ""));
    expect(addresses.length).toBeGreaterThanOrEqual(7);
    for (const address of addresses) {
      expect(address).toMatch(/^(?:\.\/)?[\w-]+\.\w+$/);
      const part = await service.answer(`/${address}`);
      expect([address, part.status]).toEqual([address, 200]);
      const etag = part.headers.get("etag") ?? "";
      const again = await service.answer(`/${address}`, { headers: { "if-none-match": etag } });
      expect(again.status).toBe(304);
    }
  });

  it("is all there is", async () => {
    const service = await shell();
    for (const path of [
      "/server.ts",
      "/../server.ts",
      "/%2e%2e/server.ts",
      "/page/page.js",
      "/constructor",
      "/socket",
    ])
      expect([path, (await service.answer(path)).status]).toEqual([path, 404]);
    expect((await service.answer("/", { method: "POST" })).status).toBe(405);
    expect((await service.answer("/", { method: "HEAD" })).headers.get("content-length")).toMatch(/^\d+$/);
  });
});
