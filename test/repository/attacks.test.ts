import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../support/repository-files.ts";

const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");

/** The rows of the table of attacks: the attack, the file that tries it, and words of a test's name. */
const rows = read("test/attacks/README.md")
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter(([, , file]) => file?.startsWith("`test/"))
  .map(([, attack = "", file = "", words = ""]) => ({ attack, file: file.replaceAll("`", ""), words }));

describe("the table of attacks", () => {
  it.each(rows)("names what exists: $attack", ({ file, words }) => {
    expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
    // In a source a quote within a name may be escaped, and a long name is on a line of its own.
    expect(read(file).replaceAll("\\", "")).toContain(words);
  });

  it("has a row for each file of attacks", () => {
    const files = globSync("test/attacks/**/*.test.ts", { cwd: ROOT });
    expect(files.length).toBeGreaterThan(10);
    expect(files.filter((file) => !rows.some((row) => row.file === file))).toEqual([]);
  });
});
