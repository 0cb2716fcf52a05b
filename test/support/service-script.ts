import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";

/** What a session script sets before it sources a start script (design 3.3), in as few lines as that takes. */
const FUNCTIONS = `
displayErrorMessage() { printf 'fail\\0%s\\0' "$1" >>"$resource_jobdir/reports"; exit 1; }
sshusercontainer=:
# Outlives the service at a TERM of the group, and tells its exit code.
trap : TERM
`;

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

export type RunningService = {
  port: number;
  /** `/me/<port>` */
  basepath: string;
  /** The session directory: its own for every run. */
  directory: string;
  /** The session's home, empty at first. */
  home: string;
  /** The bash that runs the script; the leader of its own process group. */
  process: ChildProcess;
  log: () => Promise<string>;
  /** What the script told the user by displayErrorMessage. */
  error: () => Promise<string | undefined>;
  /** Waits for an answer and returns it. */
  answer: (path: string, init?: RequestInit) => Promise<Response>;
  /** Waits for the end: the exit code, or 128 and the signal's number. */
  ended: () => Promise<number>;
};

/**
 * Runs a service's start script for real, in a bash that is set up as a session script does it, and ends it with the
 * test. The home is a directory of the test's own.
 */
export async function runService(
  service: string,
  options: {
    inputs?: Record<string, string>;
    variables?: Record<string, string>;
    environment?: Record<string, string>;
    home?: string;
  } = {},
): Promise<RunningService> {
  const port = await freePort();
  const berthHome = await mkdtemp(join(tmpdir(), "berth-service-"));
  const home = options.home ?? (await mkdtemp(join(tmpdir(), "berth-home-")));
  const directory = join(berthHome, "sessions", "s000000000000");
  await mkdir(directory, { recursive: true });
  const basepath = `/me/${port}`;
  const inputs = Object.entries(options.inputs ?? {}).map(
    ([name, value]) => [`service_${name}`, value] as const,
  );
  const variables = {
    service_port: String(port),
    servicePort: String(port),
    openPort: String(port),
    basepath,
    job_number: "s000000000000",
    resource_jobdir: directory,
    pw_job_dir: directory,
    service_parent_install_dir: join(berthHome, "software"),
    jobschedulertype: "LOCAL",
    resource_name: "workspace",
    berth_node: process.execPath,
    ...Object.fromEntries(inputs),
    ...options.variables,
  };
  const script = [
    ...Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}`),
    FUNCTIONS,
    `source ${quote(join(import.meta.dirname, "../../services", service, "start_template.sh"))}`,
  ].join("\n");
  const logFile = join(berthHome, "log");
  const log = openSync(logFile, "a");
  const child = spawn("/bin/bash", ["-c", script], {
    cwd: directory,
    // A service's output goes to a file, as in a session: /dev/stdout of a pipe or socket is another thing.
    stdio: ["ignore", log, log],
    detached: true,
    env: {
      ...process.env,
      HOME: home,
      XDG_CACHE_HOME: join(home, ".cache"),
      ...options.environment,
    },
  });
  closeSync(log);
  const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  onTestFinished(async () => {
    await endGroup(child, exited);
    await rm(berthHome, { recursive: true, force: true });
    if (options.home === undefined) await rm(home, { recursive: true, force: true });
  });
  const readLog = (): Promise<string> => readFile(logFile, "utf8");
  return {
    port,
    basepath,
    directory,
    home,
    process: child,
    log: readLog,
    async error() {
      const reports = await readFile(join(directory, "reports"), "utf8").catch(() => "");
      return reports.split("\0")[1];
    },
    answer: (path, init) =>
      eventually(
        async () => {
          if (child.exitCode !== null) throw new Error(`the service has ended:\n${await readLog()}`);
          return await fetch(`http://127.0.0.1:${port}${path}`, { redirect: "manual", ...init });
        },
        { timeoutMs: 60_000, what: `an answer of ${service}` },
      ),
    async ended() {
      const [code, signal] = await exited;
      return signal === null ? (code ?? 0) : 128;
    },
  };
}

async function endGroup(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;
  const signalGroup = (signal: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-pid, signal);
    } catch {
      return false;
    }
  };
  signalGroup("SIGTERM");
  const isGone = (): boolean => !signalGroup(0);
  await eventually(isGone, { timeoutMs: 5000, what: "the service's end" }).catch(() =>
    signalGroup("SIGKILL"),
  );
  await exited;
}
