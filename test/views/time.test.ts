import { describe, expect, it } from "vitest";
import { ago, duration, exact, hour } from "../../functions/assets/time.js";

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;

describe("a duration", () => {
  it.each([
    [-5, "0.0 s"],
    [400, "0.4 s"],
    [999, "0.9 s"],
    [12 * S, "12 s"],
    [63 * S, "1 m 03 s"],
    [6 * M + 12 * S, "6 m 12 s"],
    [H + 12 * M, "1 h 12 m"],
    [23 * H + 59 * M + 59 * S, "23 h 59 m"],
    [3 * D + 4 * H, "3 d 4 h"],
  ])("of %d ms is spelled %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("a time in the past", () => {
  it.each([
    [-1000, "just now"],
    [4999, "just now"],
    [40 * S, "40 s ago"],
    [12 * M, "12 min ago"],
    [2 * H, "2 h ago"],
    [3 * D, "3 d ago"],
  ])("%d ms ago is spelled %s", (ms, text) => {
    expect(ago(ms)).toBe(text);
  });

  it("is spelled in full in the zone that is asked for", () => {
    const at = "2026-11-23T12:00:05.000Z";
    expect(exact(at, { locale: "en-GB", timeZone: "UTC" })).toBe("23 Nov 2026, 12:00:05 UTC");
    expect(hour(at, { locale: "en-GB", timeZone: "Asia/Tokyo" })).toBe("21:00");
  });
});
