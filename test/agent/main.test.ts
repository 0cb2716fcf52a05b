import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { BerthError } from "../../contract/problem.ts";
import { TerminalCommand } from "../support/terminal-command.ts";

const MAIN = join(import.meta.dirname, "../../agent/main.ts");

it("a command whose reader has seen enough ends without a word", async () => {
  const home = await mkdtemp(join(tmpdir(), "berth-main-"));
  onTestFinished(() => rm(home, { recursive: true }));
  const child = spawn(process.execPath, [MAIN, "resource", "doctor"], {
    env: { ...process.env, BERTH_HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.destroy();
  const [[code], said] = await Promise.all([once(child, "close"), text(child.stderr)]);
  expect({ code, said }).toEqual({ code: 0, said: "" });
});

it("what an edge says steers no terminal", { timeout: 30_000 }, async () => {
  const home = await mkdtemp(join(tmpdir(), "berth-main-"));
  onTestFinished(() => rm(home, { recursive: true }));
  const { problem } = new BerthError("too_many_requests", "\u001B]0;title\u0007 come\u202E later");
  const edge = createServer((_request, response) => {
    response.writeHead(problem.status, { "content-type": "application/problem+json" });
    response.end(JSON.stringify(problem));
  });
  await once(edge.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void edge.close());
  const address = `http://127.0.0.1:${(edge.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [MAIN, "join", address, "--user", "local"], {
    env: { ...process.env, BERTH_HOME: home },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [[code], said] = await Promise.all([once(child, "close"), text(child.stderr)]);
  expect(code).toBe(1);
  expect(said).toContain("]0;title  come  later");
  expect(said.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
});

it(
  "an error and its remedy fit a terminal, and no command in them is broken",
  { timeout: 60_000 },
  async () => {
    const home = await mkdtemp(join(tmpdir(), "berth-main-"));
    onTestFinished(() => rm(home, { recursive: true }));
    await using command = new TerminalCommand(home, ["whoami"], { columns: 80 });
    await command.says(/run `berth login <edge url>`\.\r\n/);
    expect(await command.exited).toBe(1);
    const lines = command.output.trimEnd().split("\r\n");
    expect(lines[0]).toMatch(/^berth: no token for /);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.slice(1).filter((line) => !/^ {7}\S/.test(line))).toEqual([]);
    expect(lines.length).toBeGreaterThan(2);
  },
);
