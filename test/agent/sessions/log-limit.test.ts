import { appendFile, link, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { LogReader } from "../../../agent/relay/log.ts";
import { SessionLog } from "../../../agent/sessions/session-log.ts";
import { eventually } from "../../support/eventually.ts";
import { ECHO, Workspace } from "../../support/workspace.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const LIMIT = 256 * KiB;
const NOTE = /berth: (\d+) bytes of the log are left out here\n/;

async function emptyLog(): Promise<SessionLog> {
  const directory = await mkdtemp(join(tmpdir(), "berth-log-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const log = new SessionLog(join(directory, "log"), LIMIT);
  await writeFile(log.path, "");
  return log;
}

/** Lines that say which they are, so many bytes at least. */
function lines(bytes: number, first = 0): { text: string; next: number } {
  const all: string[] = [];
  let [size, next] = [0, first];
  while (size < bytes) {
    const line = `line ${next} 🌊\n`;
    all.push(line);
    size += Buffer.byteLength(line);
    next += 1;
  }
  return { text: all.join(""), next };
}

/** Reads the log as a page does: the pieces with their offsets. */
function follow(log: SessionLog, options: { offset?: number; isOver?: () => boolean } = {}) {
  let sent = "";
  const sender = {
    head: () => undefined,
    write: (bytes: Uint8Array) => void (sent += Buffer.from(bytes).toString()),
    end: () => undefined,
  };
  const { offset = 0, isOver = () => true } = options;
  const over = new LogReader().read({ log, follow: true, asEvents: true, offset, isOver }, sender);
  const pieces = (): { id: number; text: string }[] =>
    [...sent.matchAll(/^id: (\d+)\nevent: line\ndata: (.*)\n\n/gm)].map(([, id, data]) => ({
      id: Number(id),
      text: String(JSON.parse(data ?? "")),
    }));
  const text = (): string =>
    pieces()
      .map((piece) => piece.text)
      .join("");
  return { pieces, text, over };
}

const textOf = async (log: SessionLog): Promise<string> => {
  const { text, over } = follow(log);
  await over;
  return text();
};

describe("a log that is larger than it may be", () => {
  it("keeps its beginning and its latest end, by lines, and says how much is left out", async () => {
    const log = await emptyLog();
    const { text } = lines(2 * LIMIT);
    await writeFile(log.path, text);
    expect((await log.bound()).after).toBeLessThan(LIMIT);
    const left = await readFile(log.path, "utf8");
    const [begin = "", count = "", end = ""] = left.split(NOTE);
    expect(text.startsWith(begin) && begin.endsWith("\n")).toBe(true);
    expect(text.endsWith(end) && end.startsWith("line ")).toBe(true);
    expect(Buffer.byteLength(begin) + Buffer.byteLength(end) + Number(count)).toBe(Buffer.byteLength(text));
    expect(begin.length).toBeGreaterThan(LIMIT / 5);
    expect(end.length).toBeGreaterThan(LIMIT / 5);
    expect((await log.lastLines()).at(-1)).toBe(text.trimEnd().split("\n").at(-1));
  });

  it("is cut again and again, in the midst of one line too, and always knows how much is gone", async () => {
    const log = await emptyLog();
    const piece = Buffer.alloc(LIMIT * 0.7, "🌊");
    let written = 0;
    for (let turn = 0; turn < 10; turn += 1) {
      await appendFile(log.path, piece);
      written += piece.length;
      await log.bound();
      expect((await stat(log.path)).size).toBeLessThanOrEqual(LIMIT);
    }
    const left = await readFile(log.path);
    const [note = "", count = ""] = NOTE.exec(left.toString("latin1")) ?? [];
    // The line that it was cut in ends before the note.
    expect(left.length - note.length - 1 + Number(count)).toBe(written);
    expect(await textOf(log)).toContain(note);
  });

  it("keeps the offsets of those who follow it, also over a restart of the agent", async () => {
    let log = await emptyLog();
    let isOver = false;
    const reader = follow(log, { isOver: () => isOver });
    let next = 0;
    let all = "";
    for (let turn = 0; turn < 6; turn += 1) {
      const more = lines(LIMIT * 0.6, next);
      next = more.next;
      all += more.text;
      await appendFile(log.path, more.text);
      await eventually(() => reader.pieces().at(-1)?.id === Buffer.byteLength(all), {
        timeoutMs: 20_000,
        what: `offset ${Buffer.byteLength(all)}`,
      });
      await log.bound();
    }
    isOver = true;
    await reader.over;
    // Who keeps up misses nothing, whatever is cut behind them.
    expect(reader.text()).toBe(all);
    log = new SessionLog(log.path, LIMIT);
    const last = reader.pieces().at(-1)?.id ?? 0;
    await appendFile(log.path, "the end\n");
    const again = follow(log, { offset: last });
    await again.over;
    expect(again.pieces()).toEqual([{ id: last + 8, text: "the end\n" }]);
  });

  it("leads those who were far behind past what is gone", async () => {
    const log = await emptyLog();
    const { text } = lines(3 * LIMIT);
    await writeFile(log.path, text);
    await log.bound();
    const left = await readFile(log.path, "utf8");
    const behind = follow(log, { offset: LIMIT });
    await behind.over;
    expect(behind.text()).toBe(left.slice(left.search(NOTE)));
    expect(behind.pieces().at(-1)?.id).toBe(Buffer.byteLength(text));
    expect(await textOf(log)).toBe(left);
  });

  it("is cut once when several find it so at the same time", async () => {
    const log = await emptyLog();
    const { text } = lines(2 * LIMIT);
    await writeFile(log.path, text);
    await Promise.all([log.bound(), log.bound(), log.bound()]);
    const left = await readFile(log.path, "utf8");
    expect(left.split(NOTE)).toHaveLength(3);
    expect(await textOf(log)).toBe(left);
  });

  it("is cut also where nothing can be noted, and keeps the offsets while the agent lives", async () => {
    const log = await emptyLog();
    // As on a disk that is full: the note's place is taken.
    await mkdir(`${log.path}.cut.next`);
    const { text } = lines(2 * LIMIT);
    await writeFile(log.path, text);
    await expect(log.bound()).rejects.toThrow("EISDIR");
    expect((await stat(log.path)).size).toBeLessThan(LIMIT);
    await appendFile(log.path, "the end\n");
    const reader = follow(log, { offset: Buffer.byteLength(text) });
    await reader.over;
    expect(reader.text()).toBe("the end\n");
  });

  it("is left alone where it has another name, too", async () => {
    const log = await emptyLog();
    await writeFile(log.path, lines(2 * LIMIT).text);
    await link(log.path, `${log.path}-of-mine`);
    await log.bound();
    expect((await stat(log.path)).size).toBeGreaterThan(LIMIT);
  });
});

describe("a service that writes without end", { timeout: 120_000 }, () => {
  const start = `echo "the beginning"
    ( yes "what nobody reads, over and over again" | head -c ${100 * MiB}
      : > written; until [ -e go ]; do sleep 0.05; done; echo "the end" ) &
    ${ECHO}`;
  /** Fast enough, and not so fast that it fills the disk of a machine on which no agent comes. */
  const loud = `echo "the beginning"
    while sleep 0.02; do yes "what nobody reads" | head -c ${MiB}; done &
    ${ECHO}`;
  const wait = (what: string) => ({ timeoutMs: 60_000, what });

  it("fills no disk: its beginning and its end are left", async () => {
    const workspace = await Workspace.open({ loud: start }, { logLimit: MiB });
    const { id, port } = await workspace.run("loud");
    const size = () => stat(workspace.path(id, "log")).then((file) => file.size);
    const isWritten = () => stat(workspace.path(id, "written")).then(Boolean, () => false);
    await eventually(isWritten, wait("all to be written"));
    await eventually(async () => (await size()) <= MiB, wait("the log to be within its limit"));
    await writeFile(workspace.path(id, "go"), "");
    const text = await eventually(async () => {
      const now = await workspace.read(id, "log");
      return now.endsWith("the end\n") && now;
    }, wait("the end"));
    expect(text).toMatch(/^the beginning\n/);
    expect(text).toMatch(NOTE);
    expect(await (await fetch(`http://127.0.0.1:${port}/still`)).text()).toBe("/still");
  });

  it("is cut again by the next agent, and once more when it has ended", async () => {
    const workspace = await Workspace.open({ loud }, { logLimit: MiB });
    const { spec, id } = await workspace.run("loud");
    const size = async () => (await stat(workspace.path(id, "log"))).size;
    const isCut = async () => NOTE.test((await workspace.read(id, "log")).slice(0, MiB));
    await eventually(isCut, wait("the first cut"));
    await workspace.down();
    await eventually(async () => (await size()) > 4 * MiB, wait("it to grow while no agent is there"));
    await workspace.up();
    workspace.want(spec, "cancel");
    await workspace.until(id, "canceled");
    await eventually(async () => (await size()) <= MiB, wait("the last cut"));
    expect(await workspace.read(id, "log")).toMatch(/^the beginning\n/);
  });
});
