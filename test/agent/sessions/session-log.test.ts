import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { SessionLog } from "../../../agent/sessions/session-log.ts";

async function logOf(text: string | Uint8Array): Promise<SessionLog> {
  const directory = await mkdtemp(join(tmpdir(), "berth-log-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const log = new SessionLog(join(directory, "log"));
  if (text.length > 0) await writeFile(log.path, text);
  return log;
}

const lastOf = async (text: string | Uint8Array): Promise<string[]> => (await logOf(text)).lastLines();

describe("a session's log", () => {
  it("takes our lines among the service's, for nobody else to read", async () => {
    const log = await logOf("");
    await log.say("one");
    await writeFile(log.path, "service\n", { flag: "a" });
    await log.say("two");
    expect(await readFile(log.path, "utf8")).toBe("berth: one\nservice\nberth: two\n");
    expect((await stat(log.path)).mode & 0o777).toBe(0o600);
  });

  it("is not written through a link, which makes way for it", async () => {
    const log = await logOf("");
    const elsewhere = join(log.path, "../elsewhere");
    await writeFile(elsewhere, "untouched");
    await symlink(elsewhere, log.path);
    expect(await log.lastLines()).toEqual([]);
    await log.say("x");
    expect(await log.lastLines()).toEqual(["berth: x"]);
    expect(await readFile(elsewhere, "utf8")).toBe("untouched");
  });

  it("takes the place of a pipe, and of a folder", async () => {
    const log = await logOf("");
    execFileSync("mkfifo", [log.path]);
    await log.say("x");
    expect(await log.lastLines()).toEqual(["berth: x"]);
    await rm(log.path);
    await mkdir(log.path);
    await log.say("y");
    expect(await log.lastLines()).toEqual(["berth: y"]);
  });
});

describe("the last lines of a log", () => {
  it("are none of none", async () => {
    expect(await lastOf("")).toEqual([]);
  });

  it("are at most 15, without empty ones", async () => {
    const text = Array.from({ length: 40 }, (_, index) => `${index}\n\n`).join("");
    expect(await lastOf(text)).toEqual(Array.from({ length: 15 }, (_, index) => String(index + 25)));
  });

  it("hold no control sequences, and only the last state of a progress bar", async () => {
    expect(
      await lastOf("\u001b[31mred\u001b[0m\u0007\n 1%\r50%\r99%\r\n\u001b]0;title\u0007a\tb\u0000\n"),
    ).toEqual(["red", "99%", "a\tb"]);
  });

  it("are at most 4 kB", async () => {
    const lines = await lastOf(
      Array.from({ length: 15 }, (_, index) => `${index}${"x".repeat(900)}\n`).join(""),
    );
    expect(lines).toHaveLength(4);
    expect(await lastOf("x".repeat(200_000))).toEqual(["x".repeat(4096)]);
  });

  it("are text, also where the log is not", async () => {
    expect(await lastOf(Uint8Array.of(0xff, 0xfe, 0x41, 0x0a))).toEqual(["\u{fffd}\u{fffd}A"]);
  });
});
