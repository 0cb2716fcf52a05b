import { array, assert, property, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { Modes } from "../../../services/webshell/modes.ts";
import { findCut, Scrollback } from "../../../services/webshell/scrollback.ts";

const CAPACITY = 4096;

function filled(...output: string[]): Scrollback {
  const scrollback = new Scrollback(CAPACITY);
  for (const piece of output) scrollback.push(Buffer.from(piece));
  return scrollback;
}
const kept = (scrollback: Scrollback): string =>
  scrollback.slice(scrollback.start, scrollback.end).toString();

describe("a scrollback", () => {
  it("keeps all of a short output", () => {
    const scrollback = filled("one\r\n", "two\r\n");
    expect([scrollback.start, scrollback.end, kept(scrollback)]).toEqual([0, 10, "one\r\ntwo\r\n"]);
    expect(scrollback.slice(5, 8).toString()).toBe("two");
  });

  it("keeps the end of any output, byte for byte, in bounded memory", () => {
    assert(
      property(array(uint8Array({ maxLength: 3 * CAPACITY }), { maxLength: 12 }), (pieces) => {
        const whole = Buffer.concat(pieces);
        const scrollback = new Scrollback(CAPACITY);
        for (const piece of pieces) scrollback.push(Buffer.from(piece));
        const { start, end } = scrollback;
        expect(end).toBe(whole.length);
        expect(end - start).toBeLessThanOrEqual(2 * CAPACITY);
        expect(scrollback.slice(start, end)).toEqual(whole.subarray(start, end));
      }),
    );
  });

  it("begins at the start of a line", () => {
    const scrollback = filled(...Array.from({ length: 2000 }, (_, line) => `line ${line}\r\n`));
    expect(kept(scrollback)).toMatch(/^line \d+\r\n/);
    expect(kept(scrollback).length).toBeGreaterThanOrEqual(CAPACITY - 16);
  });

  it("begins before an escape sequence where there are no lines", () => {
    const scrollback = filled(...Array.from({ length: 2000 }, (_, row) => `\x1b[${row};1Hcell`));
    expect(kept(scrollback).startsWith("\x1b[")).toBe(true);
  });

  it("begins with a whole character where there is neither", () => {
    for (const lead of ["", "x", "xx"]) {
      const scrollback = filled(lead + "日本".repeat(2 * CAPACITY));
      expect(kept(scrollback)).toMatch(/^[日本]/);
    }
  });

  it("tells the modes that a page needs before what is kept", () => {
    const filler = Array.from({ length: 2000 }, () => "row\r\n");
    const scrollback = filled("\x1b[?1049h\x1b[?1;2004h\x1b[?25l", ...filler, "\x1b[?25h");
    expect(scrollback.preamble).toBe("\x1b[?1049h\x1b[?1h\x1b[?2004h\x1b[?25l");
    expect(scrollback.isScreenLost).toBe(true);
    scrollback.push(Buffer.from("\x1b[?1049l"));
    expect(scrollback.isScreenLost).toBe(false);
  });
});

describe("a cut", () => {
  it.each([
    ["ab\ncd", 0, 3],
    ["ab\ncd", 3, 3],
    ["ab\x1b[1mcd", 1, 2],
    ["aé", 2, 3],
    ["", 0, 0],
  ])("in %j from %i is made at %i", (text, from, cut) => {
    expect(findCut(Buffer.from(text), from)).toBe(cut);
  });
});

describe("the modes of a terminal", () => {
  const after = (output: string): string => {
    const modes = new Modes();
    modes.read(Buffer.from(output));
    return modes.toString();
  };

  it.each([
    ["no sequences", "plain text", ""],
    ["the last word on each", "\x1b[?2004h\x1b[?2004l\x1b[?25l", "\x1b[?25l"],
    ["several at once", "\x1b[?1000;1006h", "\x1b[?1000h\x1b[?1006h"],
    ["modes that do not last", "\x1b[?12h\x1b[?9999h\x1b[4h", ""],
    ["a full reset", "\x1b[?1049h\x1bc\x1b[?1h", "\x1b[?1h"],
    ["what is as in a fresh terminal", "\x1b[?7h\x1b[?25h\x1b[?1049l", ""],
  ])("are those of %s", (_, output, sequences) => {
    expect(after(output)).toBe(sequences);
  });
});
