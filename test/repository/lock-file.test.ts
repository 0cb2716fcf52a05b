import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ROOT } from "../support/repository-files.ts";

const names = z.record(z.string(), z.string()).default({});
const LockFile = z.object({
  packages: z.record(
    z.string(),
    z.object({
      integrity: z.string().optional(),
      os: z.array(z.string()).default(["linux"]),
      libc: z.array(z.string()).default(["glibc"]),
      cpu: z.array(z.string()).default(["x64"]),
      dependencies: names,
      optionalDependencies: names,
    }),
  ),
});

const text = readFileSync(join(ROOT, "package-lock.json"), "utf8");
const { packages } = LockFile.parse(JSON.parse(text));

/** Whether Node would find a package from a folder: in its node_modules, or in that of a folder around it. */
function isLocked(name: string, from: string): boolean {
  if (`${from === "" ? "" : `${from}/`}node_modules/${name}` in packages) return true;
  return from !== "" && isLocked(name, from.slice(0, Math.max(0, from.lastIndexOf("/node_modules/"))));
}

describe("package-lock.json", () => {
  it("holds a checksum for every package that Linux may install", () => {
    const unchecked = Object.entries(packages)
      .filter(([path, { os, libc }]) => path !== "" && os.includes("linux") && libc.includes("glibc"))
      .filter(([, { cpu }]) => cpu.includes("x64") || cpu.includes("arm64"))
      .filter(([, { integrity }]) => integrity === undefined);
    expect(unchecked).toEqual([]);
  });

  it("holds no download addresses", () => {
    expect(text).not.toContain('"resolved"');
  });

  // npm leaves those out that the registry it asks does not have, which concerns other platforms as a rule, and then refuses
  // `npm ci`. They are entered by hand: version, os, cpu and libc are enough for npm to pass them over.
  it("holds every dependency of every package, for all platforms", () => {
    const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
      Object.keys({ ...dependencies, ...optionalDependencies })
        .filter((name) => !isLocked(name, path))
        .map((name) => `${path} → ${name}`),
    );
    expect(missing).toEqual([]);
  });
});
