import { execFileSync } from "node:child_process";
import { watch, writeFileSync } from "node:fs";
import {
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ServiceFile } from "../../agent/service-file.ts";
import type { ServiceJson } from "../../contract/service-json.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/session-directory.ts";

const FIRST = { URL: "/me", PORT: "51458", SLUG: "tree", JOB_STATUS: "Running", ERROR_MESSAGE: "" };
const text = (changes: Record<string, unknown> = {}): string => JSON.stringify({ ...FIRST, ...changes });

/** A service.json on disk, the agent's hold on it, and what it was told. */
async function opened(content: string | null = text()) {
  const directory = await temporaryDirectory();
  const path = join(directory, "service.json");
  if (content !== null) await writeFile(path, content);
  const slugs: string[] = [];
  const broken: string[] = [];
  const changes: ServiceJson[] = [];
  const file = await ServiceFile.open(directory, {
    onChange(value) {
      changes.push(value);
      slugs.push(value.slug);
    },
    onBroken: (reason) => void broken.push(reason),
  });
  onTestFinished(() => file[Symbol.asyncDispose]());
  /** An edit that anybody can see, at the end of a test: what is to come before it has come by then. */
  const finish = async (): Promise<void> => {
    await writeFile(path, text({ SLUG: "last" }));
    await eventually(() => slugs.at(-1) === "last", { what: "the last edit" });
  };
  return { directory, path, file, changes, slugs, broken, finish };
}

const sh = (script: string, cwd: string): void => void execFileSync("sh", ["-c", script], { cwd });

describe("a session's service.json", () => {
  it("is read when it is opened, which is no change", async () => {
    const { file, slugs, broken, finish } = await opened();
    expect(file.current).toMatchObject({ port: 51_458, slug: "tree", phase: "running" });
    await finish();
    expect(slugs).toEqual(["last"]);
    expect(broken).toEqual([]);
  });

  it("need not be there yet", async () => {
    const { path, file, slugs, broken, finish } = await opened(null);
    expect(file.current).toBeUndefined();
    await file.write({ status: "Starting" });
    expect(file.current).toMatchObject({ status: "Starting", phase: "pending", port: undefined });
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual({
      ...FIRST,
      PORT: "",
      SLUG: "",
      JOB_STATUS: "Starting",
    });
    await finish();
    expect(slugs).toEqual(["last"]);
    expect(broken).toEqual([]);
  });

  it("may be broken when it is opened", async () => {
    const { file, broken, slugs, finish } = await opened("{");
    expect(file.current).toBeUndefined();
    await finish();
    expect(broken).toEqual([expect.stringContaining("not JSON")]);
    expect(slugs).toEqual(["last"]);
  });

  it.each<[string, (directory: string) => Promise<void> | void]>([
    ["truncated and written", (directory) => sh(`echo '${text({ SLUG: "lab" })}' >service.json`, directory)],
    [
      "written to in place",
      async (directory) => {
        await using file = await open(join(directory, "service.json"), "r+");
        await file.write(text({ SLUG: "labs" }).replace("labs", "lab "), 0);
        await file.write(" ", text().length);
        await file.write(text({ SLUG: "lab" }), 0);
        await file.truncate(text({ SLUG: "lab" }).length);
      },
    ],
    [
      "replaced by rename",
      async (directory) => {
        await writeFile(join(directory, "new"), text({ SLUG: "lab" }));
        await rename(join(directory, "new"), join(directory, "service.json"));
      },
    ],
    ["edited by sed -i", (directory) => sh("sed -i 's/tree/lab/' service.json", directory)],
    [
      "moved away and written anew",
      (directory) =>
        sh(`mv service.json service.json~; echo '${text({ SLUG: "lab" })}' >service.json`, directory),
    ],
    [
      "deleted and written anew",
      (directory) => sh(`rm service.json; echo '${text({ SLUG: "lab" })}' >service.json`, directory),
    ],
    [
      "replaced by a link",
      (directory) => sh(`echo '${text({ SLUG: "lab" })}' >other; ln -sf other service.json`, directory),
    ],
  ])("is seen when it is %s", async (_how, edit) => {
    const { directory, file, slugs, broken, finish } = await opened();
    await edit(directory);
    await eventually(() => slugs.includes("lab"));
    expect(file.current).toMatchObject({ port: 51_458, slug: "lab" });
    await finish();
    expect(slugs).toEqual(["lab", "last"]);
    expect(broken).toEqual([]);
  });

  it("is seen where no event tells of it, such as on a file server", async () => {
    const elsewhere = join(await temporaryDirectory(), "service.json");
    await writeFile(elsewhere, text());
    const directory = await temporaryDirectory();
    await symlink(elsewhere, join(directory, "service.json"));
    const slugs: string[] = [];
    await using _file = await ServiceFile.open(directory, {
      onChange: ({ slug }) => void slugs.push(slug),
      onBroken: () => undefined,
    });
    await writeFile(elsewhere, text({ SLUG: "lab" }));
    await eventually(() => slugs.includes("lab"), { timeoutMs: 2000 });
  });

  it("keeps its last good state while it is half written, and says so once", async () => {
    const { path, file, slugs, broken, finish } = await opened();
    await writeFile(path, '{ "URL": "/me", "PO');
    await eventually(() => broken.length > 0);
    expect(file.current).toMatchObject({ slug: "tree" });
    // The same content again, and events of other kinds, are nothing new.
    await writeFile(path, '{ "URL": "/me", "PO');
    await truncate(path, 19);
    await finish();
    expect(slugs).toEqual(["last"]);
    expect(broken).toEqual([expect.stringContaining("not JSON")]);
  });

  it.each([
    ["an impossible port", text({ PORT: "80@evil" }), 'PORT must be from 1024 to 65535; it is "80@evil"'],
    ["a slug that cannot be read", text({ SLUG: 'a"+alert(1)' }), "Cannot read the SLUG"],
    ["too much", `"${"x".repeat(300_000)}"`, "too large"],
  ])("says what is wrong with %s", async (_what, content, reason) => {
    const { path, file, broken } = await opened();
    await writeFile(path, content);
    await eventually(() => broken.length > 0);
    expect(broken).toEqual([expect.stringContaining(reason)]);
    expect(file.current).toMatchObject({ slug: "tree" });
  });

  it.each<[string, string, string]>([
    ["gone", ":", "it is gone"],
    ["a directory", "mkdir service.json", "it is not a regular file"],
    ["a pipe that nobody writes to", "mkfifo service.json", "it is not a regular file"],
    ["a device that never ends", "ln -s /dev/zero service.json", "it is not a regular file"],
    ["a link to itself", "ln -s service.json service.json", "ELOOP"],
  ])("is broken when it is %s", async (_what, replace, reason) => {
    const { directory, file, slugs, broken, finish } = await opened();
    sh(`rm service.json; ${replace}`, directory);
    await eventually(() => broken.length > 0);
    expect(broken).toEqual([expect.stringContaining(reason)]);
    expect(file.current).toMatchObject({ slug: "tree" });
    sh("rm -rf service.json", directory);
    await finish();
    expect(slugs).toEqual(["last"]);
  });

  it("has been read anew when a refresh returns", async () => {
    const { path, file, slugs } = await opened();
    await writeFile(path, text({ SLUG: "lab" }));
    await file.refresh();
    expect(slugs).toEqual(["lab"]);
  });

  it("tells nothing when an edit means the same", async () => {
    const { path, slugs, finish } = await opened();
    await writeFile(path, `${text({ PORT: 51_458, note: "mine" })}\n\n`);
    await finish();
    expect(slugs).toEqual(["last"]);
  });

  it("is not told of after it was closed", async () => {
    const { path, file, slugs } = await opened();
    await file[Symbol.asyncDispose]();
    await using other = await ServiceFile.open(join(path, ".."), {
      onChange: () => undefined,
      onBroken: () => undefined,
    });
    await writeFile(path, text({ SLUG: "lab" }));
    await eventually(() => other.current?.slug === "lab");
    expect(slugs).toEqual([]);
    await expect(file.write({ status: "x" })).rejects.toThrow("it is closed");
  });
});

describe("writing a session's service.json", () => {
  it("is no change to its writer, and is on disk", async () => {
    const { directory, path, file, slugs, broken, finish } = await opened();
    await file.write({ status: "Stopping", slug: "lab" });
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual({
      ...FIRST,
      JOB_STATUS: "Stopping",
      SLUG: "lab",
    });
    expect(file.current).toMatchObject({ status: "Stopping", phase: "pending", slug: "lab" });
    expect(await readdir(directory)).toEqual(["service.json"]);
    expect((await lstat(path)).mode & 0o777).toBe(0o600);
    await finish();
    expect(slugs).toEqual(["last"]);
    expect(broken).toEqual([]);
  });

  it("keeps what others have written, and tells of it first", async () => {
    const { path, file, slugs } = await opened();
    await writeFile(path, text({ SLUG: "theirs", note: { by: "hand" } }));
    await file.write({ status: "Stopping" });
    expect(slugs).toEqual(["theirs"]);
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual({
      ...FIRST,
      SLUG: "theirs",
      JOB_STATUS: "Stopping",
      note: { by: "hand" },
    });
  });

  it("makes the file again from its last good state", async () => {
    const { path, file } = await opened(text({ note: "mine" }));
    await rm(path);
    await file.write({ status: "Stopping" });
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual({
      ...FIRST,
      JOB_STATUS: "Stopping",
      note: "mine",
    });
    await writeFile(path, "{");
    await file.write({ status: "Running" });
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual({ ...FIRST, note: "mine" });
  });

  it("replaces a link instead of following it", async () => {
    const { directory, path, file } = await opened();
    const target = join(directory, "precious");
    await writeFile(target, "precious");
    await rm(path);
    await symlink(target, path);
    await file.write({ status: "Stopping" });
    expect(await readFile(target, "utf8")).toBe("precious");
    expect((await lstat(path)).isFile()).toBe(true);
  });

  it("keeps its order when much is written at once", async () => {
    const { path, file } = await opened();
    await Promise.all(Array.from({ length: 20 }, (_, at) => file.write({ status: `step ${at}` })));
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ JOB_STATUS: "step 19" });
  });

  it("loses no edit that is made while it writes", async () => {
    const { directory, path, file, slugs } = await opened();
    const watcher = watch(directory, (_event, name) => {
      // The temporary file is on its way to the disk.
      if (name?.startsWith(".service.json.") === true && slugs.length === 0)
        writeFileSync(path, text({ SLUG: "theirs" }));
    });
    onTestFinished(() => watcher.close());
    await file.write({ stripPrefix: false });
    expect(slugs).toEqual(["theirs"]);
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual({
      ...FIRST,
      SLUG: "theirs",
      STRIP_PREFIX: false,
    });
  });

  it("refuses what would not be a service.json, and leaves the file alone", async () => {
    const { path, file, directory } = await opened();
    await expect(file.write({ port: 22 })).rejects.toThrow("PORT must be from 1024 to 65535");
    await expect(file.write({ slug: "../x" })).rejects.toThrow("Cannot read the SLUG");
    expect(await readFile(path, "utf8")).toBe(text());
    expect(await readdir(directory)).toEqual(["service.json"]);
  });

  it("says so when the disk refuses, and leaves nothing behind", async () => {
    const { path, file, directory } = await opened();
    await rm(path);
    await mkdir(join(path, "x"), { recursive: true });
    await expect(file.write({ status: "Stopping" })).rejects.toThrow("EISDIR");
    expect(await readdir(directory)).toEqual(["service.json"]);
    expect(file.current).toMatchObject({ status: "Running" });
  });
});
