import { watch, writeFileSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { FIRST, openedServiceFile, serviceJson } from "../support/opened-service-file.ts";

describe("writing a session's service.json", () => {
  it("is no change to its writer, and is on disk", async () => {
    const { directory, path, file, slugs, broken, finish } = await openedServiceFile();
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
    const { path, file, slugs } = await openedServiceFile();
    await writeFile(path, serviceJson({ SLUG: "theirs", note: { by: "hand" } }));
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
    const { path, file } = await openedServiceFile(serviceJson({ note: "mine" }));
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
    const { directory, path, file } = await openedServiceFile();
    const target = join(directory, "precious");
    await writeFile(target, "precious");
    await rm(path);
    await symlink(target, path);
    await file.write({ status: "Stopping" });
    expect(await readFile(target, "utf8")).toBe("precious");
    expect((await lstat(path)).isFile()).toBe(true);
  });

  it("keeps its order when much is written at once", async () => {
    const { path, file } = await openedServiceFile();
    await Promise.all(Array.from({ length: 20 }, (_, at) => file.write({ status: `step ${at}` })));
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ JOB_STATUS: "step 19" });
  });

  it("loses no edit that is made while it writes", async () => {
    const { directory, path, file, slugs } = await openedServiceFile();
    const watcher = watch(directory, (_event, name) => {
      // The temporary file is on its way to the disk.
      if (name?.startsWith(".service.json.") === true && slugs.length === 0)
        writeFileSync(path, serviceJson({ SLUG: "theirs" }));
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
    const { path, file, directory } = await openedServiceFile();
    await expect(file.write({ port: 22 })).rejects.toThrow("PORT must be from 1024 to 65535");
    await expect(file.write({ slug: "../x" })).rejects.toThrow("Cannot read the SLUG");
    expect(await readFile(path, "utf8")).toBe(serviceJson());
    expect(await readdir(directory)).toEqual(["service.json"]);
  });

  it("says so when the disk refuses, and leaves nothing behind", async () => {
    const { path, file, directory } = await openedServiceFile();
    await rm(path);
    await mkdir(join(path, "x"), { recursive: true });
    await expect(file.write({ status: "Stopping" })).rejects.toThrow("EISDIR");
    expect(await readdir(directory)).toEqual(["service.json"]);
    expect(file.current).toMatchObject({ status: "Running" });
  });
});
