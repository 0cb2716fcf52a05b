import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SESSION_VARIABLE } from "../../../agent/process-tree.ts";
import { clusterScript } from "../../../agent/script/cluster-script.ts";
import { library } from "../../../agent/script/parts.ts";
import { eventually, eventuallyWritten } from "../../support/eventually.ts";
import { sessionDirectory, temporaryDirectory } from "../../support/session-directory.ts";

const SERVICE = {
  "start_template.sh": 'echo "$BASHPID" >service.pid\nexec sleep 1000\n',
  "kill_template.sh": "echo saved >saved\n",
};

/**
 * Starts a session's script as a job of a node does.
 * @param programs scripts that are found before the node's programs, by name
 */
async function startJob(programs: Record<string, string> = {}) {
  const { path, read, options } = await sessionDirectory(SERVICE, { name: "session" });
  const { spec, serviceDirectory } = options;
  const [node, bin] = [await temporaryDirectory("berth-node-"), await temporaryDirectory("berth-bin-")];
  for (const [name, text] of Object.entries(programs))
    await writeFile(join(bin, name), `#!/bin/bash\n${text}`, { mode: 0o755 });
  await cp(serviceDirectory, join(path, "service"), { recursive: true });
  await writeFile(join(path, "tunnel.sh"), library("tunnel.sh"));
  const script = clusterScript({
    ...options,
    workspaceDirectory: path,
    scheduler: "SLURM",
    isOnSocket: false,
    prologue: undefined,
    portRange: undefined,
  });
  await writeFile(join(path, "session.sh"), script);
  const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, TMPDIR: node };
  const job = spawn("bash", [join(path, "session.sh")], {
    env: { ...env, [SESSION_VARIABLE]: spec.id },
    detached: true,
    stdio: "ignore",
  });
  const ended = once(job, "exit").then(([code]) => code as number | null);
  /** What is in the node's directory of temporary files. */
  const left = (): Promise<string[]> => readdir(node);
  return { job, ended, read, left };
}

const isGone = (pid: number): boolean => {
  try {
    return !process.kill(pid, 0);
  } catch {
    return true;
  }
};

describe("a job that its scheduler ends", () => {
  it("runs the kill scripts, also where the service has its TERM before the script itself", async () => {
    const { job, ended, read, left } = await startJob();
    const service = Number(await eventuallyWritten(() => read("service.pid")));
    process.kill(service, "SIGTERM");
    await eventually(() => isGone(service), { what: "the end of the service" });
    job.kill("SIGTERM");
    expect(await ended).toBe(143);
    expect(await read("saved")).toBe("saved\n");
    expect(await left()).toEqual([]);
  });

  it.each(["mktemp", "mkfifo"])("leaves nothing where that comes in the middle of %s", async (program) => {
    const early = `command -p ${program} "$@"\nread -r script _ <pid\nkill -TERM "$script"\n`;
    const { ended, left } = await startJob({ [program]: early });
    expect(await ended).toBe(143);
    expect(await left()).toEqual([]);
  });
});
