import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Report } from "../../agent/reports.ts";
import { parseReports, ReportsFile } from "../../agent/reports.ts";
import { tellScript } from "../../agent/script/session-script.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/session-directory.ts";

describe("the records of reports", () => {
  it.each<[string, string, [string, string][], number]>([
    ["are none in an empty file", "", [], 0],
    ["are a verb and a text", "status\0Installing\0", [["status", "Installing"]], 18],
    ["may have no text", "notify\0\0", [["notify", ""]], 8],
    [
      "follow each other",
      "status\0a\0ended\x000\0",
      [
        ["status", "a"],
        ["ended", "0"],
      ],
      17,
    ],
    ["wait while the text is torn", "status\0a\0fail\0no lic", [["status", "a"]], 9],
    ["wait while the verb is torn", "status\0a\0fa", [["status", "a"]], 9],
    ["are found again behind what is none", "x\0\0junk\nstatus\0status\0a\0", [["status", "a"]], 24],
    [
      "are found again behind a verb that is none",
      `${"status".repeat(20)}\0status\0a\0`,
      [["status", "a"]],
      130,
    ],
    ["hold one line each", "fail\0a\nb\u0085c\0", [["fail", "a b c"]], 12],
    ["hold 2000 characters at most", `fail\0${"x".repeat(3000)}\0`, [["fail", "x".repeat(2000)]], 3006],
  ])("%s", (_what, text, expected, consumed) => {
    const read = parseReports(Buffer.from(text));
    expect(read.reports.map(({ report }) => [report.verb, report.text])).toEqual(expected);
    expect(read.consumed).toBe(consumed);
  });

  it("lose no more than the character that their end cuts in two", () => {
    const cut = Buffer.concat([Buffer.from("fail\0"), Buffer.from("é🚢").subarray(0, 4), Buffer.from("\0")]);
    expect(parseReports(cut).reports[0]?.report.text).toBe("é");
  });
});

/** A session's reports from `offset` on, and what has been handed on. */
async function opened(content: string | null, offset = 0) {
  const directory = await temporaryDirectory();
  const path = join(directory, "reports");
  if (content !== null) await writeFile(path, content);
  const seen: (Report & { offset: number })[] = [];
  const file = await ReportsFile.open(
    directory,
    offset,
    (report, end) => void seen.push({ ...report, offset: end }),
  );
  onTestFinished(() => file[Symbol.asyncDispose]());
  const texts = (): string[] => seen.map(({ text }) => text);
  return { directory, path, file, seen, texts };
}

describe("a session's reports", () => {
  it("are handed on from the offset that the caller has kept", async () => {
    const content = "status\0one\0status\0two\0";
    const first = await opened(content);
    expect(first.seen).toEqual([
      { verb: "status", text: "one", offset: 11 },
      { verb: "status", text: "two", offset: 22 },
    ]);
    expect(first.file.offset).toBe(22);
    const again = await opened(content, 11);
    expect(again.texts()).toEqual(["two"]);
    expect((await opened(content, 22)).texts()).toEqual([]);
  });

  it("are handed on as they come, once each", async () => {
    const { path, texts, file } = await opened(null);
    expect(file.offset).toBe(0);
    for (const text of ["one", "two", "three"]) {
      await appendFile(path, `status\0${text}\0`);
      await eventually(() => texts().at(-1) === text);
    }
    expect(texts()).toEqual(["one", "two", "three"]);
  });

  it("have been handed on when a refresh returns", async () => {
    const { path, texts, file } = await opened(null);
    await appendFile(path, "status\0one\0");
    await file.refresh();
    expect(texts()).toEqual(["one"]);
  });

  it("wait until a torn one is whole", async () => {
    const { path, texts, file } = await opened("status\0one\0status\0t");
    expect(file.offset).toBe(11);
    await appendFile(path, "wo\0");
    await eventually(() => texts().length === 2);
    expect(texts()).toEqual(["one", "two"]);
  });

  it("keep their order behind a handler that takes its time", async () => {
    const directory = await temporaryDirectory();
    const texts: string[] = [];
    const gate = Promise.withResolvers<void>();
    await writeFile(join(directory, "reports"), "");
    await using _file = await ReportsFile.open(directory, 0, async ({ text }) => {
      if (text === "one") await gate.promise;
      texts.push(text);
    });
    await appendFile(join(directory, "reports"), "status\0one\0");
    await appendFile(join(directory, "reports"), "status\0two\0");
    gate.resolve();
    await eventually(() => texts.length === 2);
    expect(texts).toEqual(["one", "two"]);
  });

  it("come whole from many at once, with the helper that a script uses", async () => {
    const { directory, texts } = await opened(null);
    await writeFile(join(directory, "tell"), tellScript(directory), { mode: 0o700 });
    const tellers = Array.from({ length: 20 }, (_, at) =>
      spawn(join(directory, "tell"), ["status", String.fromCharCode(97 + at).repeat(5000)], {
        stdio: "ignore",
      }),
    );
    await Promise.all(tellers.map((teller) => once(teller, "exit")));
    await eventually(() => texts().length === 20);
    expect(texts().toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
      Array.from({ length: 20 }, (_, at) => String.fromCharCode(97 + at).repeat(2000)),
    );
  });

  it("are found behind a flood of what is none", async () => {
    const { path, texts } = await opened(
      `${"x".repeat(300_000)}\0status\0one\0${"\0".repeat(100_000)}status\0two\0`,
    );
    expect(texts()).toEqual(["one", "two"]);
    await appendFile(path, "status\0three\0");
    await eventually(() => texts().length === 3);
  });

  it("begin anew in a file that was made anew", async () => {
    const { path, texts } = await opened("status\0one of the older file\0");
    await writeFile(path, "status\0two\0");
    await eventually(() => texts().length === 2);
    expect(texts()[1]).toBe("two");
  });

  it("are none while something else stands in their place", async () => {
    const { directory, path, texts } = await opened(null);
    execFileSync("mkfifo", ["reports"], { cwd: directory });
    const other = await ReportsFile.open(directory, 0, () => undefined);
    await other[Symbol.asyncDispose]();
    await rm(path);
    await writeFile(path, "status\0one\0");
    await eventually(() => texts().length === 1);
  });
});
