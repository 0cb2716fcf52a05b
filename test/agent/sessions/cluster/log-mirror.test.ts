import { randomFillSync } from "node:crypto";
import { appendFile, readFile, truncate, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { LogMirror } from "../../../../agent/sessions/cluster/log-mirror.ts";
import { SessionDirectory } from "../../../../agent/sessions/session-directory.ts";
import { sessionId } from "../../../../contract/ids.ts";
import { temporaryDirectory } from "../../../support/session-directory.ts";

async function sessionOnDisk(): Promise<SessionDirectory> {
  const directory = new SessionDirectory(
    await temporaryDirectory(),
    sessionId((bytes) => randomFillSync(bytes)),
  );
  await directory.make();
  return directory;
}

const logOf = (directory: SessionDirectory): Promise<string> => readFile(directory.log.path, "utf8");

const POSITION = "log-position.json";

describe("the copy of a session's output", () => {
  it("goes on after a restart where each file was left", async () => {
    const directory = await sessionOnDisk();
    const mirror = await LogMirror.open(directory);
    await mirror.append("log", Buffer.from("one "), 0);
    await mirror.append("scheduler.log", Buffer.from("slurm "), 0);
    await directory.log.say("ours");
    await mirror.append("log", Buffer.from("two"), 4);
    const again = await LogMirror.open(directory);
    expect(again.offset("log")).toBe(7);
    expect(again.offset("scheduler.log")).toBe(6);
    expect(again.offset("controller/log")).toBe(0);
    await again.append("log", Buffer.from(" three"), 7);
    expect(await logOf(directory)).toBe("one slurm berth: ours\ntwo three");
  });

  it.each([
    ["nothing", 0],
    ["a part", 3],
  ])("of which %s of the last piece stands there takes it again", async (_what, written) => {
    const directory = await sessionOnDisk();
    await (await LogMirror.open(directory)).append("log", Buffer.from("one "), 0);
    await writeFile(
      directory.file(POSITION),
      JSON.stringify({ offsets: { log: 4 }, pending: { source: "log", size: 4, bytes: 5, next: 9 } }),
    );
    await appendFile(directory.log.path, "piece".slice(0, written));
    const again = await LogMirror.open(directory);
    expect(again.offset("log")).toBe(4);
    await again.append("log", Buffer.from("piece"), 4);
    expect(await logOf(directory)).toBe("one piece");
  });

  it("of which the last piece stands there does not take it again", async () => {
    const directory = await sessionOnDisk();
    await (await LogMirror.open(directory)).append("log", Buffer.from("one "), 0);
    await writeFile(
      directory.file(POSITION),
      JSON.stringify({ offsets: { log: 4 }, pending: { source: "log", size: 4, bytes: 5, next: 9 } }),
    );
    await appendFile(directory.log.path, "piece");
    expect((await LogMirror.open(directory)).offset("log")).toBe(9);
    expect(await logOf(directory)).toBe("one piece");
  });

  it("says where some is left out, and goes on behind it", async () => {
    const directory = await sessionOnDisk();
    const mirror = await LogMirror.open(directory);
    await mirror.append("log", Buffer.from("one"), 0);
    await mirror.append("log", Buffer.from("far"), 1003);
    expect(await logOf(directory)).toBe("one\nberth: 1000 bytes of the output are left out here\nfar");
    expect((await LogMirror.open(directory)).offset("log")).toBe(1006);
  });

  it("goes on from the beginning of a file that was cut short", async () => {
    const directory = await sessionOnDisk();
    const mirror = await LogMirror.open(directory);
    await mirror.append("log", Buffer.from("a long line\n"), 0);
    await mirror.append("log", Buffer.from("anew\n"), 0);
    expect(mirror.offset("log")).toBe(5);
    expect(await logOf(directory)).toBe("a long line\nanew\n");
  });

  it("survives a position that was half written, and a log that is gone", async () => {
    const directory = await sessionOnDisk();
    await writeFile(directory.file(POSITION), '{"offsets":{"lo');
    expect((await LogMirror.open(directory)).offset("log")).toBe(0);
    await writeFile(
      directory.file(POSITION),
      JSON.stringify({ offsets: { log: 4 }, pending: { source: "log", size: 4, bytes: 5, next: 9 } }),
    );
    const mirror = await LogMirror.open(directory);
    await mirror.append("log", Buffer.from("piece"), 4);
    expect(await logOf(directory)).toBe("piece");
    await truncate(directory.log.path);
    await mirror.append("log", Buffer.from("more"), 9);
    expect(await logOf(directory)).toBe("more");
  });
});

describe("the copy of more output than a log may hold", () => {
  it("is cut, and no piece comes twice after a restart", async () => {
    const limit = 65_536;
    const root = await temporaryDirectory();
    const id = sessionId((bytes) => randomFillSync(bytes));
    const open = (): SessionDirectory => new SessionDirectory(root, id, limit);
    await open().make();
    let written = "";
    for (let turn = 0; turn < 12; turn += 1) {
      // Each piece is copied by an agent of its own.
      const directory = open();
      const mirror = await LogMirror.open(directory);
      expect(mirror.offset("log")).toBe(written.length);
      const piece = `${turn}: ${"x".repeat(25_000)}\n`;
      await mirror.append("log", Buffer.from(piece), written.length);
      written += piece;
      expect((await logOf(directory)).length).toBeLessThanOrEqual(limit);
    }
    const log = await logOf(open());
    // It is cut within its first line, which ends before the note.
    const [note = "", left = ""] = /\nberth: (\d+) bytes of the log are left out here\n/.exec(log) ?? [];
    expect(log.length - note.length + Number(left)).toBe(written.length);
    expect(log.startsWith("0: xxx") && written.endsWith(log.slice(log.indexOf(note) + note.length))).toBe(
      true,
    );
  });
});
