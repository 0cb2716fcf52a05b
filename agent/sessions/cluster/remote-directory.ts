import { execFile } from "node:child_process";
import { chmod, cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { BerthError } from "../../../contract/problem.ts";
import type { Shell } from "../../ssh/shell.ts";
import { CannotAsk } from "../../ssh/shell.ts";

/** What a service's folder may hold for a cluster, bytes packed. What is larger belongs into its controller.sh. */
const LARGEST = 64 * 1_048_576;
const TIMEOUT_MS = 120_000;

/** Files of a session on the cluster: names within its directory, and their texts. */
export type RemoteFiles = Record<string, string>;

/** What Berth itself puts there. What a service has written beside them stays, and then so does the directory. */
const OURS = [
  "session.sh",
  "tunnel.sh",
  "tell",
  "key",
  "known_hosts",
  "forward",
  "service",
  "controller",
  "log",
  "scheduler.log",
  "pid",
  "exit",
  "exit.tmp",
  "cancel.sh",
  // The controller's own, agent/scheduler/none.ts.
  "host",
  "canceled",
];

const UNPACK = `umask 077; mkdir -p -- "$1" && chmod 700 -- "$1" && cd -- "$1" && exec tar -xf -`;
const WRITE = `umask 077; cd -- "$1" || exit 3; shift; while [ $# -gt 1 ]; do printf '%s' "$2" >"$1" || exit 4; shift 2; done`;
const CLEAN = `cd -- "$1" 2>/dev/null || exit 0; d=$1; shift; rm -rf -- "$@"; cd / && rmdir -- "$d" 2>/dev/null; exit 0`;
const MARKER = `cat -- "$1/exit" 2>/dev/null; exit 0`;

/** @throws BerthError where it is too large, which its name is for */
async function packed(directory: string, name: string): Promise<Buffer> {
  try {
    const tar = ["-C", directory, "-cf", "-", "."];
    const { stdout } = await promisify(execFile)("tar", tar, { encoding: "buffer", maxBuffer: LARGEST });
    return stdout;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const most = LARGEST / 1_048_576;
    throw new BerthError(
      "invalid_request",
      `Cannot copy "${name}" to the cluster: it holds more than ${most} MiB. Have its controller.sh fetch what is large`,
      { cause: error },
    );
  }
}

/** A session's directory on the cluster: absolute, for its user alone. */
export class RemoteDirectory {
  readonly path: string;
  readonly #shell: Shell;

  constructor(path: string, shell: Shell) {
    this.path = path;
    this.#shell = shell;
  }

  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /**
   * Makes the directory, with a copy of the service's folder as `service`. Repeatable: files are replaced rather than
   * written over, since a script may be running.
   * @param staging a directory in the workspace that is made for this and deleted
   * @throws CannotAsk; BerthError when it cannot be written, in the cluster's own words
   */
  async fill(files: RemoteFiles, serviceDirectory: string, staging: string): Promise<void> {
    try {
      await rm(staging, { recursive: true, force: true });
      await mkdir(staging, { mode: 0o700 });
      await cp(serviceDirectory, join(staging, "service"), { recursive: true, dereference: true });
      for (const [name, text] of Object.entries(files)) {
        await mkdir(join(staging, name, ".."), { recursive: true, mode: 0o700 });
        await writeFile(join(staging, name), text, { mode: 0o600 });
      }
      await chmod(staging, 0o700);
      await this.#mustRun(UNPACK, [this.path], { input: await packed(staging, serviceDirectory) });
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }

  /** Writes small files in place, as they are read over and over by whoever runs there. No secrets: an argv is public. */
  async write(files: RemoteFiles, signal?: AbortSignal): Promise<void> {
    await this.#mustRun(WRITE, [this.path, ...Object.entries(files).flat()], { signal });
  }

  /** The exit code that the session's script has left; undefined when it has left none. @throws CannotAsk */
  async exitCode(): Promise<number | undefined> {
    const stdout = await this.#mustRun(MARKER, [this.path]);
    const [code] = /^\d{1,3}(?=\n$)/.exec(stdout.toString()) ?? [];
    return code === undefined ? undefined : Number(code);
  }

  /** Deletes what is Berth's, and the directory where nothing else is in it. Repeatable. @throws CannotAsk */
  async clean(signal?: AbortSignal): Promise<void> {
    await this.#mustRun(CLEAN, [this.path, ...OURS], { signal });
  }

  async #mustRun(
    script: string,
    parameters: readonly string[],
    { input, signal }: { input?: Buffer | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<Buffer> {
    const { code, stdout, stderr } = await this.#shell.run(["sh", "-c", script, "sh", ...parameters], {
      timeoutMs: TIMEOUT_MS,
      ...(input !== undefined && { input }),
      ...(signal !== undefined && { signal }),
    });
    if (code === 0) return stdout;
    if (code === null) throw new CannotAsk(`A command on the cluster was ended: ${stderr.trim()}`);
    throw new BerthError(
      "internal",
      `Cannot write to "${this.path}" on the cluster: ${stderr.trim()}. Free some room in your home there and launch again; berth resource doctor looks at it`,
    );
  }
}
