import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SessionId } from "../../contract/ids.ts";
import type { ProcessId } from "../process-tree.ts";
import { openRegularFile } from "../regular-file.ts";
import { SessionLog } from "./session-log.ts";

/** Names the running boot of this host: a pid with its start time means something only within it. */
export const currentBoot = async (): Promise<string> =>
  (await readFile("/proc/sys/kernel/random/boot_id", "latin1")).trim();

/** A session's directory, `BERTH_HOME/sessions/<id>`: what stands in it, and nothing of what it means. */
export class SessionDirectory {
  readonly id: SessionId;
  readonly path: string;
  readonly log: SessionLog;

  /** @param logLimit how large the session's log may become, bytes */
  constructor(root: string, id: SessionId, logLimit?: number) {
    this.id = id;
    this.path = join(root, id);
    this.log = new SessionLog(this.file("log"), logLimit);
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Makes it, for nobody else to read; repeatable. */
  async make(): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o700 });
  }

  async writeScript(name: string, text: string, mode: 0o600 | 0o700): Promise<void> {
    await writeFile(this.file(name), text, { mode });
  }

  /** Who holds the start lock: the process of session.sh, alive or not. Undefined: it has not got there yet. */
  async leader(): Promise<ProcessId | undefined> {
    const [, pid, startTime] = /^(\d+) (\d+)\n$/.exec(await this.#read("pid")) ?? [];
    return pid === undefined ? undefined : { pid: Number(pid), startTime: Number(startTime) };
  }

  /** The service's exit code; undefined while it runs, or when it could not be written down. */
  async exitCode(): Promise<number | undefined> {
    const [code] = /^\d{1,3}(?=\n$)/.exec(await this.#read("exit")) ?? [];
    return code === undefined ? undefined : Number(code);
  }

  async #read(name: string): Promise<string> {
    try {
      await using file = await openRegularFile(this.file(name));
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(64) });
      return buffer.toString("latin1", 0, bytesRead);
    } catch {
      return "";
    }
  }
}
