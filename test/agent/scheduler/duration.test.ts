import { expect, it } from "vitest";
import { clock, parseClock } from "../../../agent/scheduler/duration.ts";

it.each([
  [60, "00:01:00"],
  [3661, "01:01:01"],
  [90 * 3600, "90:00:00"],
])("%i seconds are %s to every scheduler", (seconds, text) => {
  expect(clock(seconds)).toBe(text);
  expect(parseClock(text)).toBe(seconds);
});

it.each([
  ["10:00", 600],
  ["1-00:00:00", 86_400],
  ["2-12", 216_000],
  ["infinite", undefined],
  ["n/a", undefined],
  ["--", undefined],
  ["90", undefined],
])("%s is read as %s", (text, seconds) => {
  expect(parseClock(text)).toBe(seconds);
});
