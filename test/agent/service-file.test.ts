import { execFileSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { readFile, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ServiceFile } from "../../agent/service-file.ts";
import { eventually } from "../support/eventually.ts";
import { FIRST, openedServiceFile, serviceJson } from "../support/opened-service-file.ts";
import { temporaryDirectory } from "../support/session-directory.ts";

// What is written in several steps is written while nothing here can look: how long one takes is the machine's affair.
const sh = (script: string, cwd: string): void => void execFileSync("sh", ["-c", script], { cwd });

describe("a session's service.json", () => {
  it("is read when it is opened, which is no change", async () => {
    const { file, slugs, broken, finish } = await openedServiceFile();
    expect(file.current).toMatchObject({ port: 51_458, slug: "tree", phase: "running" });
    await finish();
    expect(slugs).toEqual(["last"]);
    expect(broken).toEqual([]);
  });

  it("need not be there yet", async () => {
    const { path, file, slugs, broken, finish } = await openedServiceFile(null);
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
    const { file, broken, slugs, finish } = await openedServiceFile("{");
    expect(file.current).toBeUndefined();
    await finish();
    expect(broken).toEqual([expect.stringContaining("not JSON")]);
    expect(slugs).toEqual(["last"]);
  });

  it.each<[string, (directory: string) => Promise<void> | void]>([
    [
      "truncated and written",
      (directory) => sh(`echo '${serviceJson({ SLUG: "lab" })}' >service.json`, directory),
    ],
    [
      "written to in place",
      (directory) => {
        const file = openSync(join(directory, "service.json"), "r+");
        writeSync(file, serviceJson({ SLUG: "labs" }).replace("labs", "lab "), 0);
        writeSync(file, " ", serviceJson().length);
        writeSync(file, serviceJson({ SLUG: "lab" }), 0);
        ftruncateSync(file, serviceJson({ SLUG: "lab" }).length);
        closeSync(file);
      },
    ],
    [
      "replaced by rename",
      async (directory) => {
        await writeFile(join(directory, "new"), serviceJson({ SLUG: "lab" }));
        await rename(join(directory, "new"), join(directory, "service.json"));
      },
    ],
    ["edited by sed -i", (directory) => sh("sed -i 's/tree/lab/' service.json", directory)],
    [
      "moved away and written anew",
      (directory) =>
        sh(`mv service.json service.json~; echo '${serviceJson({ SLUG: "lab" })}' >service.json`, directory),
    ],
    [
      "deleted and written anew",
      (directory) => sh(`rm service.json; echo '${serviceJson({ SLUG: "lab" })}' >service.json`, directory),
    ],
    [
      "replaced by a link",
      (directory) =>
        sh(`echo '${serviceJson({ SLUG: "lab" })}' >other; ln -sf other service.json`, directory),
    ],
  ])("is seen when it is %s", async (_how, edit) => {
    const { directory, file, slugs, broken, finish } = await openedServiceFile();
    await edit(directory);
    await eventually(() => slugs.includes("lab"));
    expect(file.current).toMatchObject({ port: 51_458, slug: "lab" });
    await finish();
    expect(slugs).toEqual(["lab", "last"]);
    expect(broken).toEqual([]);
  });

  it("is seen where no event tells of it, such as on a file server", async () => {
    const elsewhere = join(await temporaryDirectory(), "service.json");
    await writeFile(elsewhere, serviceJson());
    const directory = await temporaryDirectory();
    await symlink(elsewhere, join(directory, "service.json"));
    const slugs: string[] = [];
    await using _file = await ServiceFile.open(directory, {
      onChange: ({ slug }) => void slugs.push(slug),
      onBroken: () => undefined,
    });
    await writeFile(elsewhere, serviceJson({ SLUG: "lab" }));
    await eventually(() => slugs.includes("lab"));
  });

  it("keeps its last good state while it is half written, and says so once", async () => {
    const { path, file, slugs, broken, finish } = await openedServiceFile();
    writeFileSync(path, '{ "URL": "/me", "PO');
    await eventually(() => broken.length > 0);
    expect(file.current).toMatchObject({ slug: "tree" });
    // The same content again, and events of other kinds, are nothing new.
    writeFileSync(path, '{ "URL": "/me", "PO');
    truncateSync(path, 19);
    await finish();
    expect(slugs).toEqual(["last"]);
    expect(broken).toEqual([expect.stringContaining("not JSON")]);
  });

  it.each([
    [
      "an impossible port",
      serviceJson({ PORT: "80@evil" }),
      'PORT must be from 1024 to 65535; it is "80@evil"',
    ],
    ["a slug that cannot be read", serviceJson({ SLUG: 'a"+alert(1)' }), "Cannot read the SLUG"],
    ["too much", `"${"x".repeat(300_000)}"`, "too large"],
  ])("says what is wrong with %s", async (_what, content, reason) => {
    const { path, file, broken } = await openedServiceFile();
    writeFileSync(path, content);
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
    const { directory, file, slugs, broken, finish } = await openedServiceFile();
    sh(`rm service.json; ${replace}`, directory);
    await eventually(() => broken.length > 0);
    expect(broken).toEqual([expect.stringContaining(reason)]);
    expect(file.current).toMatchObject({ slug: "tree" });
    sh("rm -rf service.json", directory);
    await finish();
    expect(slugs).toEqual(["last"]);
  });

  it("has been read anew when a refresh returns", async () => {
    const { path, file, slugs } = await openedServiceFile();
    await writeFile(path, serviceJson({ SLUG: "lab" }));
    await file.refresh();
    expect(slugs).toEqual(["lab"]);
  });

  it("tells nothing when an edit means the same", async () => {
    const { path, slugs, finish } = await openedServiceFile();
    await writeFile(path, `${serviceJson({ PORT: 51_458, note: "mine" })}\n\n`);
    await finish();
    expect(slugs).toEqual(["last"]);
  });

  it("is not told of after it was closed", async () => {
    const { path, file, slugs } = await openedServiceFile();
    await file[Symbol.asyncDispose]();
    await using other = await ServiceFile.open(join(path, ".."), {
      onChange: () => undefined,
      onBroken: () => undefined,
    });
    await writeFile(path, serviceJson({ SLUG: "lab" }));
    await eventually(() => other.current?.slug === "lab");
    expect(slugs).toEqual([]);
    await expect(file.write({ status: "x" })).rejects.toThrow("it is closed");
  });
});
