import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { LogReader } from "../../../agent/relay/log.ts";
import { SessionLog } from "../../../agent/sessions/session-log.ts";
import { eventually } from "../../support/eventually.ts";

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "log-"));
  path = join(directory, "log");
});

afterEach(() => rm(directory, { recursive: true }));

type Options = { offset?: number; follow?: boolean; isOver?: () => boolean };

/** Reads the log as events: `[offset, text]`, in the order in which they came. */
function read({ offset = 0, follow = false, isOver = () => true }: Options) {
  let sent = "";
  const sender = {
    head: () => undefined,
    write: (bytes: Uint8Array) => void (sent += Buffer.from(bytes).toString()),
    end: () => undefined,
  };
  const over = new LogReader().read(
    { log: new SessionLog(path), follow, asEvents: true, offset, isOver },
    sender,
  );
  const events = (): [number, string][] =>
    [...sent.matchAll(/^id: (\d+)\nevent: line\ndata: (.*)\n\n/gm)].map(([, id, data]) => [
      Number(id),
      String(JSON.parse(data ?? "")),
    ]);
  return { events, over };
}

describe("a log as events", () => {
  it("keeps a character whole that is written in two halves", async () => {
    const wave = Buffer.from("🌊");
    let isOver = false;
    await writeFile(path, Buffer.concat([Buffer.from("tide "), wave.subarray(0, 3)]));
    const { events, over } = read({ follow: true, isOver: () => isOver });
    await eventually(() => events().length === 1, { what: "the first event" });
    await appendFile(path, wave.subarray(3));
    await eventually(() => events().length === 2, { what: "the second event" });
    isOver = true;
    await over;
    expect(events()).toEqual([
      [5, "tide "],
      [9, "🌊"],
    ]);
    // Who has seen only the first goes on with the second.
    const again = read({ offset: 5 });
    await again.over;
    expect(again.events()).toEqual([[9, "🌊"]]);
  });

  it("that is followed for long keeps nothing of how often it was waited for", async () => {
    const added = vi.spyOn(AbortSignal.prototype, "addEventListener");
    const removed = vi.spyOn(AbortSignal.prototype, "removeEventListener");
    onTestFinished(() => void vi.restoreAllMocks());
    let isOver = false;
    await writeFile(path, "");
    const { events, over } = read({ follow: true, isOver: () => isOver });
    const text = (): string =>
      events()
        .map(([, piece]) => piece)
        .join("");
    for (let line = 1; line <= 10; line += 1) {
      await appendFile(path, "x");
      await eventually(() => text().length === line, { what: "the next of it" });
    }
    isOver = true;
    await over;
    expect(added.mock.calls.length).toBeGreaterThan(1);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });

  it("keeps characters whole that the end of a read cuts", async () => {
    const text = `a${"höhe 🌊 ".repeat(40_000)}`;
    await writeFile(path, text);
    const { events, over } = read({});
    await over;
    expect(events().length).toBeGreaterThan(1);
    expect(
      events()
        .map(([, piece]) => piece)
        .join(""),
    ).toBe(text);
  });

  it.each([
    ["no text", Buffer.from([0xff, 0xfe, 0x80, 0xc3, 0x28, 0x00, 0xf0])],
    ["half a character at its end", Buffer.from("tide 🌊").subarray(0, -1)],
  ])("ends where the log does when that is %s", async (_what, bytes) => {
    await writeFile(path, bytes);
    const { events, over } = read({});
    await over;
    expect(
      events()
        .map(([, piece]) => piece)
        .join(""),
    ).toBe(new TextDecoder().decode(bytes));
    expect(events().at(-1)?.[0]).toBe(bytes.length);
  });
});
