import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryFiles, ROOT } from "../support/repository-files.ts";

const LONGEST_FILE = 300;

const files = repositoryFiles();
const read = (file: string): string => readFileSync(join(ROOT, file), "utf8");
const isText = (file: string): boolean => !/\.(png|ico|woff2?|gz)$/.test(file);

/** Hosts that packages come from: everybody's, in pieces so that this file names none, and the one npm is set up with here. */
function registryHosts(): string[] {
  const usual = [
    ["registry", "npmjs", "org"],
    ["deb", "debian", "org"],
    ["archive", "ubuntu", "com"],
  ];
  const configured = execFileSync("npm", ["config", "get", "registry"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return [...usual.map((parts) => parts.join(".")), new URL(configured.trim()).host];
}

describe("the repository's files", () => {
  it(`have at most ${LONGEST_FILE} lines each where they are sources`, () => {
    const sources = files.filter((file) => /\.(ts|tsx|mjs|js|css|sh)$/.test(file));
    const long = sources.filter((file) => read(file).trimEnd().split("\n").length > LONGEST_FILE);
    expect(sources).not.toHaveLength(0);
    expect(long).toEqual([]);
  });

  it("hold no path of this machine: this checkout and the home folder", () => {
    const home = homedir();
    const paths = [ROOT, ...(home === "/" ? [] : [`${home}/`])];
    const holders = files.filter(isText).filter((file) => paths.some((path) => read(file).includes(path)));
    expect(holders).toEqual([]);
  });

  it("name no host of a package registry", () => {
    const hosts = registryHosts();
    const holders = files.filter(isText).filter((file) => hosts.some((host) => read(file).includes(host)));
    expect(holders).toEqual([]);
  });
});
