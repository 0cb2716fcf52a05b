import { readdir, readFile, readlink } from "node:fs/promises";
import { basename, dirname } from "node:path";

/** A process on a host of a cluster. */
export type ClusterProcess = {
  pid: number;
  /** The directory of the host that it is on, see `Layout.hostDirectory`. */
  hostDirectory: string;
  uid: number;
  /** The program's name, cut to 15 characters. */
  name: string;
  /** What the process says of itself: sshd writes a title there. */
  argv: readonly string[];
  /** `NAME=value` each. */
  environment: readonly string[];
};

const read = (file: string): Promise<string> => readFile(file, "latin1").catch(() => "");

/** The host whose mark is among the mounts of a process, see host.sh and proc_pid_mountinfo(5). */
async function markOf(pid: number): Promise<string | undefined> {
  for (const line of (await read(`/proc/${pid}/mountinfo`)).split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [type, source = ""] = after.split(" ");
    if (before.split(" ")[4] === "/run" && type === "tmpfs" && basename(dirname(source)) === "hosts")
      return source;
  }
  return undefined;
}

/**
 * Everything that runs on a host of some cluster of this machine, wherever its parent went. A process is known by its
 * mount namespace, which it cannot leave; neither a recorded pid nor an environment is needed.
 */
export async function clusterProcesses(): Promise<ClusterProcess[]> {
  const own = await readlink("/proc/self/ns/mnt");
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid): Promise<ClusterProcess | undefined> => {
      const namespace = await readlink(`/proc/${pid}/ns/mnt`).catch(() => own);
      if (namespace === own) return undefined;
      // Of each process anew: one that ends meanwhile has no mounts, and says nothing about the others of its host.
      const hostDirectory = await markOf(pid);
      if (hostDirectory === undefined) return undefined;
      const files = ["status", "comm", "cmdline", "environ"].map((file) => read(`/proc/${pid}/${file}`));
      const [status = "", name = "", commandLine = "", environment = ""] = await Promise.all(files);
      const uid = /^Uid:\t(\d+)/m.exec(status)?.[1];
      if (uid === undefined || /^State:\t[ZX]/m.test(status)) return undefined;
      return {
        pid,
        hostDirectory,
        uid: Number(uid),
        name: name.trim(),
        argv: commandLine.replace(/\0+$/, "").split("\0"),
        environment: environment.split("\0").filter((entry) => entry !== ""),
      };
    }),
  );
  return found.filter((one) => one !== undefined);
}

/** Sends a process a signal, unless it has ended by itself meanwhile. */
export function signal(pid: number, name: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
