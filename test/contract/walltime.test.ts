import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseWalltime, spellWalltime, WALLTIME_PATTERN } from "../../contract/walltime.ts";

const pad = (part: number): string => String(part).padStart(2, "0");
const ANY = fc.integer({ min: 1, max: 3650 * 86_400 });

describe("a walltime", () => {
  it.each([
    ["4h", 14_400],
    ["4 h", 14_400],
    ["90m", 5400],
    ["90 min", 5400],
    ["1h30m", 5400],
    ["1 H 30 M", 5400],
    ["2d", 172_800],
    ["1d 12h", 129_600],
    ["45s", 45],
    ["1:30:00", 5400],
    ["00:00:01", 1],
    ["100:00:00", 360_000],
    ["2-00:00:00", 172_800],
    [" 2-12:00:30 ", 216_030],
  ])("%j is %i seconds", (text, seconds) => {
    expect(parseWalltime(text)).toBe(seconds);
  });

  it.each([
    "",
    " ",
    "4",
    "1:30",
    "2-12",
    "h",
    "4x",
    "-4h",
    "1.5h",
    "30m 1h",
    "1:60:00",
    "1:00:60",
    "0h",
    "0:00:00",
    "unlimited",
    "4h; rm",
    "4h\n--wrap=x",
    "99999d",
    "1e3h",
    "٤h",
  ])("%j is none", (text) => {
    expect(parseWalltime(text)).toBeUndefined();
  });

  it("is read as it is spelled", () => {
    fc.assert(fc.property(ANY, (seconds) => parseWalltime(spellWalltime(seconds)) === seconds));
  });

  it("is let through by the form as it is spelled", () => {
    const pattern = new RegExp(`^(?:${WALLTIME_PATTERN})$`, "v");
    fc.assert(fc.property(ANY, (seconds) => pattern.test(spellWalltime(seconds))));
    for (const text of ["2-00:00:00", " 90 min", "1 H", ""]) expect(pattern.test(text)).toBe(true);
    for (const text of ["1:30", "4", "1:60:00", "unlimited"]) expect(pattern.test(text)).toBe(false);
  });

  it("is read as schedulers spell it", () => {
    fc.assert(
      fc.property(ANY, (seconds) => {
        const [days, rest] = [Math.floor(seconds / 86_400), seconds % 86_400];
        const clock = [rest / 3600, (rest % 3600) / 60, rest % 60].map((part) => pad(Math.floor(part)));
        expect(parseWalltime(`${days}-${clock.join(":")}`)).toBe(seconds);
      }),
    );
  });

  it("is whole seconds or none, whatever the text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const seconds = parseWalltime(text);
        expect(seconds === undefined || (Number.isSafeInteger(seconds) && seconds >= 1)).toBe(true);
      }),
    );
  });

  it.each([
    [3600, "1 h"],
    [5400, "1 h 30 m"],
    [86_400, "24 h"],
    [172_800, "48 h"],
    [604_800, "7 d"],
    [90, "1 m 30 s"],
  ])("of %i seconds is spelled %s", (seconds, text) => {
    expect(spellWalltime(seconds)).toBe(text);
  });
});
