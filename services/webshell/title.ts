import { readlink } from "node:fs/promises";
import { homedir, hostname } from "node:os";

/**
 * `host:~/folder`, where the shell of this pid is; only the host where that cannot be known.
 * A program that sets a title of its own is shown instead.
 */
export async function titleOf(pid: number): Promise<string> {
  const host = hostname().split(".", 1)[0] ?? "";
  const folder = await readlink(`/proc/${pid}/cwd`).catch(() => "");
  const home = homedir();
  const short = folder === home || folder.startsWith(`${home}/`) ? `~${folder.slice(home.length)}` : folder;
  return folder === "" ? host : `${host}:${short}`;
}
