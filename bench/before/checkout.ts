import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = dirname(dirname(import.meta.dirname));

/** An earlier commit of this repository in a folder of its own, with the packages that this one has installed. */
export class Checkout implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @throws Error with git's own words when there is no such commit */
  static async of(commit: string): Promise<Checkout> {
    const path = join(await mkdtemp(join(tmpdir(), "berth-before-")), "berth");
    await run("git", ["-C", ROOT, "worktree", "add", "--detach", path, commit]);
    await symlink(join(ROOT, "node_modules"), join(path, "node_modules"));
    return new Checkout(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(join(this.path, "node_modules"), { force: true });
    await run("git", ["-C", ROOT, "worktree", "remove", "--force", this.path]);
    await rm(dirname(this.path), { recursive: true, force: true });
  }
}
