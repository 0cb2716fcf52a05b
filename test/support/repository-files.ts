import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

export const ROOT = dirname(dirname(import.meta.dirname));

/** The repository's files, those not yet added to git among them; relative to the root. */
export function repositoryFiles(): string[] {
  const flags = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listed = execFileSync("git", flags, { cwd: ROOT, encoding: "utf8" }).split("\0");
  return listed.filter((file) => file !== "" && existsSync(join(ROOT, file)));
}
