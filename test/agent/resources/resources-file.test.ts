import { mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { ResourceDefinition, type ResourceEntry } from "../../../agent/resources/resource-definition.ts";
import { ResourcesFile } from "../../../agent/resources/resources-file.ts";
import type { ResourcesReading } from "../../../agent/resources/resources-text.ts";
import { eventually } from "../../support/eventually.ts";

const ALPHA: ResourceEntry = { host: "alice@login.example.org", scheduler: "slurm" };
const HPC = "hpc:\n  host: hpc\n  scheduler: slurm\n";

let home: string;
let file: ResourcesFile;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "berth-resources-"));
  file = new ResourcesFile(home);
  return () => rm(home, { recursive: true });
});

/** As a whole: a file that is written in place is empty for a moment, and holds no cluster then. */
async function put(content: string): Promise<void> {
  await writeFile(`${file.path}.next`, content);
  await rename(`${file.path}.next`, file.path);
}
const text = (): Promise<string> => readFile(file.path, "utf8");

/** The faults of a text, as they are said. */
async function faultsOf(content: string): Promise<string[]> {
  await put(content);
  const { faults } = await file.read();
  return faults.map((fault) => file.describe(fault).slice(home.length + 1));
}

describe("the resources file, read", () => {
  it("holds no cluster when it is missing, empty, or comments alone", async () => {
    expect(await file.read()).toEqual({ definitions: new Map(), faults: [] });
    for (const content of ["", "\n", "# none yet\n", "---\n"]) expect(await faultsOf(content)).toEqual([]);
  });

  it("gives an entry its defaults", async () => {
    await put(HPC);
    const { definitions } = await file.read();
    expect(definitions.get("hpc")).toEqual({
      host: "hpc",
      scheduler: "slurm",
      installDirectory: "~/.berth/software",
      tunnel: { via: "controller" },
    });
  });

  it("reads a default walltime as people write it, in seconds", async () => {
    await put(`${HPC}  defaults:\n    walltime: 1:30:00\n`);
    expect((await file.read()).definitions.get("hpc")?.defaults).toEqual({ walltime: 5400 });
  });

  it.each([
    ["hpc:\n  scheduler: slurm\n", "resources.yaml:1: hpc: host: "],
    ["hpc:\n", "resources.yaml:1: hpc: host: "],
    ["hpc: 7\n", "resources.yaml:1: hpc: "],
    ["hpc:\n  host: hpc\n  scheduler: lsf\n", "resources.yaml:3: hpc: scheduler: "],
    ["hpc:\n  host: hpc\n  scheduler: pbs\n  partition: x\n", "resources.yaml:4: hpc: partition: "],
    [`hpc:\n  host: "-oProxyCommand=x"\n  scheduler: pbs\n`, "resources.yaml:2: hpc: host: must be an ssh"],
    [`hpc:\n  host: "a;b"\n  scheduler: pbs\n`, "resources.yaml:2: hpc: host: must be an ssh"],
    [`${HPC}  portRange: 2000-1500\n`, "resources.yaml:4: hpc: portRange: must be two ports"],
    [`${HPC}  tunnel:\n    via: direct\n`, "resources.yaml:5: hpc: tunnel.address: "],
    [`${HPC}  tunnel:\n    via: pigeon\n`, "resources.yaml:5: hpc: tunnel.via: "],
    [`${HPC}  installDirectory: software\n`, "resources.yaml:4: hpc: installDirectory: must begin with"],
    [
      `${HPC}  defaults:\n    walltime: 1:30\n`,
      "resources.yaml:5: hpc: defaults.walltime: must be a time such as",
    ],
    [`${HPC}  controllerHost: -x\n`, "resources.yaml:4: hpc: controllerHost: must be a host name"],
    ["Hpc X:\n  host: hpc\n  scheduler: pbs\n", "resources.yaml:1: Hpc X: the name must begin"],
    ["workspace:\n  host: hpc\n  scheduler: pbs\n", "resources.yaml:1: workspace: the name is what"],
    ["hpc: *nobody\n", "resources.yaml:1: "],
    [`${HPC}${HPC}`, "resources.yaml:4: hpc: the name stands here a second time; the first one counts"],
    ["- hpc\n", "resources.yaml:1: write each cluster as a name with its options below it"],
    ["hpc: [\n", "resources.yaml:"],
  ])("names the line and what is wrong: %j", async (content, expected) => {
    const faults = await faultsOf(content);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(expected);
  });

  it("lets a broken entry take no other down", async () => {
    await put(`bad:\n  host: 1\n${HPC}worse: {}\n`);
    const { definitions, faults } = await file.read();
    expect([...definitions.keys()]).toEqual(["hpc"]);
    expect(faults.map(({ name }) => name)).toEqual(["bad", "worse"]);
  });

  it("says so when it cannot be read", async () => {
    await symlink(home, file.path);
    expect((await file.read()).faults).toMatchObject([
      { name: null, reason: expect.stringContaining("EISDIR") },
    ]);
  });
});

describe("the resources file, written", () => {
  it("is made for its owner alone", async () => {
    await file.add("alpha", ALPHA);
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
    expect((await file.read()).definitions.get("alpha")).toEqual(ResourceDefinition.parse(ALPHA));
  });

  it("keeps comments, order and the entries it cannot read", async () => {
    const before = `# My clusters.\n\n# the old one\nold:\n  host: old # soon gone\n  scheduler: none\nbad: 7\n`;
    await put(before);
    await file.add("alpha", ALPHA);
    expect(await text()).toMatch(new RegExp(`^${before}alpha:\n  host: alice@login.example.org\n`));
    await file.remove("alpha");
    expect(await text()).toBe(before);
  });

  it("keeps the file's heading when its first entry goes", async () => {
    await put(`# My clusters.\n\n# the old one\nold:\n  host: old\n  scheduler: none\n# new\n${HPC}`);
    await file.remove("old");
    expect(await text()).toBe(`# My clusters.\n\n# new\n${HPC}`);
    await file.remove("hpc");
    expect(await text()).toMatch(/^# My clusters\.\n*$/);
    await file.add("hpc", { host: "hpc", scheduler: "slurm" });
    expect(await text()).toMatch(/^# My clusters\.\n\n?hpc:\n {2}host: hpc\n/);
  });

  it("takes a broken entry out, and both of two", async () => {
    await put(`bad: 7\n${HPC}bad: 8\n`);
    await file.remove("bad");
    expect(await text()).toBe(HPC);
  });

  it("refuses a name that is taken, and one that is not there", async () => {
    await put(`${HPC}bad: 7\n`);
    await expect(file.add("hpc", ALPHA)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(file.add("bad", ALPHA)).rejects.toThrow(/Cannot add "bad": .*has it already/);
    await expect(file.remove("nobody")).rejects.toMatchObject({ code: "unknown_resource" });
  });

  it("leaves a file alone that cannot be read", async () => {
    await put("hpc: [\n");
    await expect(file.add("alpha", ALPHA)).rejects.toThrow(/Cannot change .*resources\.yaml:\d+: /);
    expect(await text()).toBe("hpc: [\n");
  });

  it("leaves a link in its place and writes what it leads to", async () => {
    const elsewhere = join(home, "dotfiles.yaml");
    await writeFile(elsewhere, HPC);
    await symlink(elsewhere, file.path);
    await file.add("alpha", ALPHA);
    expect(await readFile(elsewhere, "utf8")).toContain("alpha:");
    expect(await readFile(file.path, "utf8")).toContain("alpha:");
  });
});

describe("the resources file, followed", () => {
  async function follow(): Promise<ResourcesReading[]> {
    const seen: ResourcesReading[] = [];
    const following = await file.follow((reading) => seen.push(reading));
    onTestFinished(() => following[Symbol.asyncDispose]());
    return seen;
  }
  const names = (reading: ResourcesReading | undefined): string[] => [...(reading?.definitions.keys() ?? [])];

  it("tells what stands in it at once, and every change by whomever", async () => {
    const seen = await follow();
    expect(seen).toHaveLength(1);
    await file.add("alpha", ALPHA);
    await eventually(() => names(seen.at(-1)).includes("alpha"), { what: "the entry that was added" });
    await put(HPC);
    await eventually(() => names(seen.at(-1)).join() === "hpc", { what: "the editor's text" });
    await rm(file.path);
    await eventually(() => names(seen.at(-1)).length === 0, { what: "no cluster" });
  });

  it("keeps the last good state of what has become unreadable", async () => {
    await put(HPC);
    const seen = await follow();
    await put(`${HPC.replace("slurm", "slur")}other:\n  host: other\n  scheduler: none\n`);
    await eventually(() => names(seen.at(-1)).includes("other"), { what: "the other entry" });
    expect(seen.at(-1)?.definitions.get("hpc")).toMatchObject({ scheduler: "slurm" });
    expect(seen.at(-1)?.faults).toMatchObject([{ name: "hpc", line: 3 }]);
    await put("hpc: [\n");
    await eventually(() => seen.at(-1)?.faults[0]?.name === null, { what: "a broken file" });
    expect(names(seen.at(-1)).toSorted()).toEqual(["hpc", "other"]);
  });
});
