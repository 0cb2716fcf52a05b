import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { Catalogue } from "../../agent/catalogue.ts";
import type { CatalogueEntry } from "../../contract/service.ts";
import { eventually } from "../support/eventually.ts";

async function temporary(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "berth-catalogue-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes `<directory>/<name>/<file>` for each file. */
async function service(directory: string, name: string, files: Record<string, string>): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    const path = join(directory, name, file);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

async function program(directory: string, name: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, name), "#!/bin/sh\n");
  await chmod(join(directory, name), 0o755);
}

const START = { "start_template.sh": "true\n" };

async function load(definition: string, name = "sample"): Promise<Catalogue> {
  const directory = await temporary();
  await service(directory, name, { ...START, "service.yaml": definition });
  return await Catalogue.load([directory]);
}

const needs = (list: string): string => `requires:\n${list}`;

/** The catalogue's latest word, told by `onChange` alone. */
async function watched(directories: string[]): Promise<{ titles: () => string[] | undefined }> {
  const catalogue = await Catalogue.load(directories);
  let latest: CatalogueEntry[] | undefined;
  const watch = catalogue.watch((entries) => (latest = entries));
  onTestFinished(() => watch[Symbol.dispose]());
  return { titles: () => latest?.map(({ title }) => title) };
}
const shows = (titles: () => string[] | undefined, expected: string[]): Promise<unknown> =>
  eventually(() => titles()?.join() === expected.join(), { what: `the titles ${expected.join()}` });

describe("a folder in the catalogue", () => {
  it("gets defaults when it holds only a start script", async () => {
    const directory = await temporary();
    await service(directory, "my-simulation_tool", START);
    const found = (await Catalogue.load([directory])).get("my-simulation_tool");
    expect(found?.entry).toEqual({
      name: "my-simulation_tool",
      title: "My simulation tool",
      description: "",
      icon: null,
      placements: ["workspace", "controller", "compute"],
      inputs: [],
      installed: true,
      missing: [],
      install: [],
      broken: null,
    } satisfies CatalogueEntry);
    expect(found?.definition).toMatchObject({ slug: "", url: "/me", stripPrefix: true });
    expect(found?.directory).toBe(join(directory, "my-simulation_tool"));
  });

  it.each(["start_template.sh", "start-template.sh", "start_template-v3.sh", "start-template-v10.sh"])(
    "is a service by its %s",
    async (file) => {
      const directory = await temporary();
      await service(directory, "tool", { [file]: "true\n" });
      expect((await Catalogue.load([directory])).get("tool")).toBeDefined();
    },
  );

  it.each([
    ["no start script", "tool", { "readme.md": "" }],
    ["a start script only further down", "tool", { "deep/start_template.sh": "true\n" }],
    ["a start script of another name", "tool", { "start_template.sh.orig": "", "restart_template.sh": "" }],
    ["a hidden folder", ".tool", START],
  ])("is no service with %s", async (_, name, files) => {
    const directory = await temporary();
    await service(directory, name, files);
    expect((await Catalogue.load([directory])).entries()).toEqual([]);
  });

  it("brings its icon, and goes without one that is missing or too large", async () => {
    const directory = await temporary();
    await service(directory, "named", { ...START, "own.svg": "<svg/>", "service.yaml": "icon: own.svg" });
    await service(directory, "unnamed", { ...START, "icon.svg": "<svg></svg>" });
    await service(directory, "missing", { ...START, "service.yaml": "icon: own.svg" });
    await service(directory, "huge", { ...START, "icon.svg": `<svg>${" ".repeat(65_536)}</svg>` });
    const catalogue = await Catalogue.load([directory]);
    const icons = ["named", "unnamed", "missing", "huge"].map((name) => catalogue.get(name)?.entry.icon);
    expect(icons).toEqual(["<svg/>", "<svg></svg>", null, null]);
  });
});

describe("a folder that cannot be used", () => {
  it("says what is wrong with its definition", async () => {
    const found = (await load("title: Sample\nslug: 7\n")).get("sample");
    expect(found?.entry).toMatchObject({
      title: "Sample",
      placements: ["workspace", "controller", "compute"],
    });
    expect(found?.entry.broken).toMatch(/^service\.yaml:2: slug: /);
    expect(found?.definition).toBeNull();
  });

  it("says so when its definition is larger than a form can be", async () => {
    const found = (await load(`description: ${"x".repeat(262_144)}`)).get("sample");
    expect(found?.entry.broken).toMatch(/^service\.yaml: larger than 262144 bytes/);
  });

  it("says so when its name fits no URL", async () => {
    const found = (await load("", "my tool")).get("my tool");
    expect(found?.entry.broken).toMatch(/^my tool: rename the folder/);
  });

  it("does not take the others down", async () => {
    const directory = await temporary();
    await service(directory, "broken", { ...START, "service.yaml": "title: [" });
    await mkdir(join(directory, "odd", "service.yaml"), { recursive: true });
    await service(directory, "odd", START);
    await service(directory, "sound", { ...START, "service.yaml": "title: Sound" });
    const entries = (await Catalogue.load([directory])).entries();
    expect(entries.map(({ name, broken }) => [name, broken === null])).toEqual([
      ["broken", false],
      ["odd", false],
      ["sound", true],
    ]);
  });
});

describe("several directories", () => {
  it("are one catalogue, in which the later hides the earlier", async () => {
    const [ours, own, none] = [await temporary(), await temporary(), join(await temporary(), "none")];
    await service(ours, "shell", { ...START, "service.yaml": "title: The shell" });
    await service(ours, "editor", { ...START, "service.yaml": "title: An editor" });
    await service(own, "shell", { ...START, "service.yaml": "title: My shell" });
    const catalogue = await Catalogue.load([ours, none, own]);
    expect(catalogue.entries().map(({ title }) => title)).toEqual(["An editor", "My shell"]);
    expect(catalogue.get("shell")?.directory).toBe(join(own, "shell"));
    expect(catalogue.get("nothing")).toBeUndefined();
  });
});

describe("what a service needs", () => {
  it("is searched for on PATH, any of several, and by a path of its own", async () => {
    const directory = await temporary();
    const bin = join(await temporary(), "bin");
    await program(bin, "present");
    await mkdir(join(bin, "folder"));
    await writeFile(join(bin, "plain"), "not executable");
    await service(directory, "here", {
      ...START,
      "service.yaml": needs(
        `  - { anyOf: [absent, present], install: apt }\n  - { anyOf: [${bin}/present], install: b }`,
      ),
    });
    await service(directory, "gone", {
      ...START,
      "service.yaml": needs(
        ["absent", "folder", "plain", "bin/present", "present; true"]
          .map((name) => `  - { anyOf: ["${name}", other], install: "install ${name}" }`)
          .join("\n"),
      ),
    });
    const catalogue = await Catalogue.load([directory], { path: `relative:${bin}:/nowhere` });
    expect(catalogue.get("here")?.entry).toMatchObject({ installed: true, missing: [], install: [] });
    expect(catalogue.get("gone")?.entry).toMatchObject({
      installed: false,
      missing: ["absent", "folder", "plain", "bin/present", "present; true"],
      install: [
        "install absent",
        "install folder",
        "install plain",
        "install bin/present",
        "install present; true",
      ],
    });
  });

  it("is looked for again by a refresh", async () => {
    const [directory, bin] = [await temporary(), await temporary()];
    const definition = needs("  - { anyOf: [late], install: apt install late }");
    await service(directory, "tool", { ...START, "service.yaml": definition });
    const catalogue = await Catalogue.load([directory], { path: bin });
    expect(catalogue.get("tool")?.entry).toMatchObject({ installed: false, install: ["apt install late"] });
    expect(await catalogue.refresh()).toBe(false);
    await program(bin, "late");
    expect(await catalogue.refresh()).toBe(true);
    expect(catalogue.get("tool")?.entry).toMatchObject({ installed: true, missing: [], install: [] });
  });
});

describe("a watched catalogue", () => {
  it("tells of a service that is added, changed, broken, moved and removed", async () => {
    const directory = await temporary();
    const { titles } = await watched([directory]);
    await service(directory, "one", START);
    expect(await shows(titles, ["One"])).toBe(true);
    await service(directory, "one", { "service.yaml": "title: First" });
    expect(await shows(titles, ["First"])).toBe(true);
    await service(directory, "one", { "service.yaml": "title: [" });
    expect(await shows(titles, ["One"])).toBe(true);
    await rename(join(directory, "one"), join(directory, "other"));
    expect(await shows(titles, ["Other"])).toBe(true);
    await service(directory, "other", { "service.yaml": "title: Second" });
    expect(await shows(titles, ["Second"])).toBe(true);
    await rm(join(directory, "other"), { recursive: true });
    expect(await shows(titles, [])).toBe(true);
  });

  it("sees a directory come that was not there, go, and come again", async () => {
    const home = await temporary();
    const directory = join(home, "deep", "services");
    const { titles } = await watched([directory]);
    for (const name of ["one", "two"]) {
      await service(directory, name, START);
      expect(await shows(titles, [name === "one" ? "One" : "Two"])).toBe(true);
      await rm(join(home, "deep"), { recursive: true });
      expect(await shows(titles, [])).toBe(true);
    }
  });

  it("tells nothing when nothing is different, and nothing after it is disposed of", async () => {
    const directory = await temporary();
    const catalogue = await Catalogue.load([directory]);
    const told: string[] = [];
    const other = await watched([directory]);
    const watch = catalogue.watch((entries) => told.push(entries.map(({ name }) => name).join()));
    await service(directory, "no-service", { "notes.txt": "" });
    await service(directory, "one", START);
    expect(await shows(other.titles, ["One"])).toBe(true);
    await eventually(() => told.includes("one"), { what: "the first word" });
    expect(told).toEqual(["one"]);
    watch[Symbol.dispose]();
    await service(directory, "two", START);
    expect(await shows(other.titles, ["One", "Two"])).toBe(true);
    expect(told).toEqual(["one"]);
  });
});

it("a catalogue tells nothing of a look during which its watch is disposed of", async () => {
  const catalogue = await Catalogue.load([await temporary()]);
  const told: unknown[] = [];
  const look = Promise.withResolvers<boolean>();
  const refresh = vi.spyOn(catalogue, "refresh").mockReturnValue(look.promise);
  const watch = catalogue.watch((entries) => told.push(entries));
  await eventually(() => refresh.mock.calls.length === 1);
  watch[Symbol.dispose]();
  look.resolve(true);
  await setImmediate();
  expect(told).toEqual([]);
});
