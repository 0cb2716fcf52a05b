import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { endTree, SESSION_VARIABLE } from "../../agent/process-tree.ts";
import type { SessionScriptOptions } from "../../agent/script/session-script.ts";
import { killScript, sessionScript, tellScript } from "../../agent/script/session-script.ts";
import { sessionId } from "../../contract/ids.ts";
import type { Inputs } from "../../contract/session.ts";

/** An empty directory that goes with the test. */
export async function temporaryDirectory(prefix = "berth-test-"): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A script that runs: the leader of its own process group, as the agent starts it. */
type RunningScript = {
  pid: number;
  process: ChildProcess;
  /** The exit code, or the signal that ended it. */
  ended: Promise<number | NodeJS.Signals>;
  /** Signals every process of the group. */
  signalGroup: (signal: NodeJS.Signals) => void;
};

/** A session's directory and its service's folder on disk, with scripts that can be run for real. */
export type SessionDirectory = {
  path: string;
  options: SessionScriptOptions;
  /** The text of one of the directory's files. */
  read: (name: string) => Promise<string>;
  /** The fields of `reports`. */
  reports: () => Promise<string[]>;
  /** Writes and starts session.sh, or the script that cancels. */
  start: (script?: "session" | "kill", environment?: Record<string, string>) => Promise<RunningScript>;
};

/**
 * Makes the directory of a session whose service has these files, such as `start_template.sh`.
 * @param options.name the directory's own name; one that needs quoting, unless told otherwise
 */
export async function sessionDirectory(
  files: Record<string, string>,
  options: { name?: string; inputs?: Inputs } = {},
): Promise<SessionDirectory> {
  const { name = 'it\'s a "session" of $HOME', inputs = {} } = options;
  const root = await temporaryDirectory();
  const id = sessionId((bytes) => randomFillSync(bytes));
  const path = join(root, name);
  const serviceDirectory = join(root, "the service's folder");
  await mkdir(path, { mode: 0o700 });
  await mkdir(serviceDirectory);
  for (const [file, text] of Object.entries(files)) await writeFile(join(serviceDirectory, file), text);
  await writeFile(join(path, "tell"), tellScript(path), { mode: 0o700 });

  const scriptOptions: SessionScriptOptions = {
    spec: { id, name: "a session", service: "test", placement: "workspace", inputs, createdAt: 0 },
    directory: path,
    serviceDirectory,
    port: 50_001,
    openPort: 50_001,
    basepath: "/me/50001",
    installDirectory: join(root, "software"),
    resourceName: "workspace",
    nodePath: process.execPath,
  };
  onTestFinished(async () => void (await endTree(id, undefined, { graceMs: 0 })));

  const read = (file: string): Promise<string> => readFile(join(path, file), "utf8");
  return {
    path,
    options: scriptOptions,
    read,
    reports: async () => (await read("reports")).split("\0").slice(0, -1),
    async start(script = "session", environment = {}) {
      const text = script === "session" ? sessionScript(scriptOptions) : killScript(scriptOptions);
      await writeFile(join(path, `${script}.sh`), text, { mode: 0o600 });
      await using log = await open(join(path, "log"), "a");
      const child = spawn("bash", [join(path, `${script}.sh`)], {
        detached: true,
        cwd: "/",
        stdio: ["ignore", log.fd, log.fd],
        env: { ...process.env, [SESSION_VARIABLE]: id, ...environment },
      });
      const ended = once(child, "exit").then(
        ([code, signal]: (number | NodeJS.Signals | null)[]) => code ?? signal ?? "SIGKILL",
      );
      const pid = child.pid ?? 0;
      return { pid, process: child, ended, signalGroup: (signal) => void process.kill(-pid, signal) };
    },
  };
}
