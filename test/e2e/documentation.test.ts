import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { documentedCommands, proofOf } from "../support/documentation.ts";
import { eventually } from "../support/eventually.ts";
import { ROOT } from "../support/repository-files.ts";
import { needs } from "../support/requires.ts";

const START = "npm start";
const DEFAULT_PORT = /\b8787\b/g;

const live = documentedCommands().filter(({ command }) => proofOf(command)?.by === "live");
const typed = [...new Set(live.map(({ command }) => command))].filter((command) => command !== START);

describe("who types the documentation's commands", () => {
  let home: string;
  let port: number;
  let start: ChildProcess;
  let output = "";

  /** Types a command as a person would whose home is this test's. The default port may be taken on this machine. */
  const environment = (): NodeJS.ProcessEnv => ({ ...process.env, HOME: home, BERTH_PORT: String(port) });
  const type = (command: string) =>
    promisify(execFile)("sh", ["-c", command.replaceAll(DEFAULT_PORT, String(port))], {
      cwd: ROOT,
      env: environment(),
    });

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "berth-home-"));
    port = await freePort();
    start = spawn("sh", ["-c", `exec ${START}`], {
      cwd: ROOT,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [start.stdout, start.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
    await eventually(() => /^ready$[^]*\/login\?code=\S+\n/m.test(output), {
      timeoutMs: 60_000,
      what: `"ready" from ${START}`,
    });
  });

  afterAll(async () => {
    const { stdout } = await type("./berth list --json");
    for (const [id] of stdout.matchAll(/\bs[0-9a-z]{12}\b/g)) await type(`./berth cancel ${id}`);
    if (start.exitCode === null) start.kill("SIGINT");
    if (start.exitCode === null) await once(start, "exit");
    await rm(home, { recursive: true });
  });

  it("reads a link after `npm start`", () => {
    expect(output).toContain(`http://localhost:${port}/login?code=`);
  });

  const curl = needs("curl", "apt-get install curl");
  it.for(typed)("has `%s` do its work", async (command, context) => {
    if (command.startsWith("curl ")) curl(context);
    const { stdout } = await type(command);
    expect(stdout).not.toBe("");
  });
});
