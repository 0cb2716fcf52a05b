import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BerthError } from "../contract/problem.ts";

/** The processes of `npm start`: workerd, the agent, and the one that looks after both. */
export type Role = "edge" | "agent" | "start";

/** What a role's process is called by, so that a recycled process id is not taken for it. */
const MARKS: Record<Role, string> = { edge: "workerd", agent: "agent/main.ts", start: "local/start.ts" };

const pathOf = (home: string, role: Role): string => join(home, "run", `${role}.pid`);

/** The live process that a role's file names; undefined when there is none. */
export async function livePid(home: string, role: Role): Promise<number | undefined> {
  const text = await readFile(pathOf(home, role), "utf8").catch(() => "");
  const pid = Number(text.trim());
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return commandLine.includes(MARKS[role]) ? pid : undefined;
}

/** Writes a role's file: one line, the process id (design 3.4). */
export async function writePid(home: string, role: Role, pid: number): Promise<void> {
  await writeFile(pathOf(home, role), `${pid}\n`, { mode: 0o600 });
}

export async function removePid(home: string, role: Role): Promise<void> {
  await rm(pathOf(home, role), { force: true });
}

/** @throws BerthError `already_running` when another live process has the role */
export async function checkFree(home: string, role: Role): Promise<void> {
  const other = await livePid(home, role);
  if (other !== undefined && other !== process.pid)
    throw new BerthError("already_running", `Berth's ${role} already runs for ${home} as process ${other}`);
}

/** One process's claim to a role under one `BERTH_HOME`, given up at its end. */
export class PidFile implements AsyncDisposable {
  readonly pid = process.pid;
  readonly #home: string;
  readonly #role: Role;

  private constructor(home: string, role: Role) {
    this.#home = home;
    this.#role = role;
  }

  /** @throws BerthError `already_running` when another live process has the role */
  static async claim(home: string, role: Role): Promise<PidFile> {
    await checkFree(home, role);
    await writePid(home, role, process.pid);
    return new PidFile(home, role);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const text = await readFile(pathOf(this.#home, this.#role), "utf8").catch(() => "");
    if (text.trim() === String(this.pid)) await removePid(this.#home, this.#role);
  }
}
