import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn as spawnOnTerminal } from "@lydell/node-pty";
import { describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { ROOT } from "../support/repository-files.ts";

/** Counts the SIGINTs it gets, and tells at SIGTERM how many there were. */
const COUNTER = `
let count: number = 0;
process.on("SIGINT", () => console.log("interrupted " + ++count));
process.on("SIGTERM", () => { console.log("in all " + count); process.exit(7); });
setInterval(() => {}, 60_000);
console.log("ready", process.version, process.argv.slice(2).join("|"));
`;

/** A repository of nothing but the bootstrap and one program, with packages and a Node installed unless told. */
async function repository(program: string, options: { installed?: boolean } = {}): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "berth-bootstrap-"));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, "local"));
  await copyFile(join(ROOT, "local/bootstrap.mjs"), join(root, "local/bootstrap.mjs"));
  await writeFile(join(root, "main.ts"), program);
  const manifest = { name: "bootstrapped", version: "1.0.0", lockfileVersion: 3, packages: {} };
  await writeFile(join(root, "package.json"), JSON.stringify({ name: "bootstrapped", version: "1.0.0" }));
  await writeFile(join(root, "package-lock.json"), JSON.stringify(manifest));
  if (options.installed === false) return root;
  await mkdir(join(root, "node_modules/.bin"), { recursive: true });
  await writeFile(join(root, "node_modules/.package-lock.json"), JSON.stringify(manifest));
  await symlink(process.execPath, join(root, "node_modules/.bin/node"));
  return root;
}

function start(root: string, ...parameters: string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [join(root, "local/bootstrap.mjs"), "main.ts", ...parameters], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGTERM"));
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  return { child, output: () => output };
}

describe("the bootstrap", () => {
  it("runs the program on the repository's Node, with its arguments", async () => {
    const { child, output } = start(await repository(COUNTER), "--a", "b c");
    await eventually(() => output().includes("ready"));
    expect(output()).toContain(`ready ${process.version} --a|b c`);
    child.kill("SIGTERM");
    await once(child, "close");
  });

  it("ends as the program ends", async () => {
    const { child } = start(await repository("process.exit(42);"));
    expect(await once(child, "close")).toEqual([42, null]);
  });

  it("ends with 128 + n when signal n ended the program", async () => {
    const { child } = start(await repository("process.kill(process.pid, 'SIGKILL');"));
    expect(await once(child, "close")).toEqual([137, null]);
  });

  it("hands signals on where no terminal does", async () => {
    const { child, output } = start(await repository(COUNTER));
    await eventually(() => output().includes("ready"));
    child.kill("SIGINT");
    await eventually(() => output().includes("interrupted 1"));
    child.kill("SIGTERM");
    expect(await once(child, "close")).toEqual([7, null]);
    expect(output()).toContain("in all 1");
  });

  it("lets one Ctrl-C be one, though npm repeats it", async () => {
    const root = await repository(COUNTER);
    const terminal = spawnOnTerminal(process.execPath, [join(root, "local/bootstrap.mjs"), "main.ts"], {});
    onTestFinished(() => terminal.kill("SIGTERM"));
    let output = "";
    terminal.onData((text) => (output += text));
    await eventually(() => output.includes("ready"));
    process.kill(terminal.pid, "SIGINT");
    terminal.write("\u0003");
    await eventually(() => output.includes("interrupted"));
    process.kill(terminal.pid, "SIGTERM");
    await eventually(() => output.includes("in all"));
    expect(output).toContain("in all 1");
  });

  it(
    "runs npm ci where nothing is installed, and says what to do when that brings no Node",
    { timeout: 120_000 },
    async () => {
      const { child, output } = start(await repository(COUNTER, { installed: false }));
      expect(await once(child, "close")).toEqual([1, null]);
      expect(output()).toContain("installing packages with npm ci");
      expect(output()).toContain("Run `npm ci --ignore-scripts=false`, then try again.");
    },
  );
});
