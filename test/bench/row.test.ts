import { describe, expect, it } from "vitest";
import type { Wanted } from "../../bench/row.ts";
import { judge } from "../../bench/row.ts";

const samples = { berth: [30, 10, 20], peer: [40, 40, 20], direct: [5, 5, 5] };
const row = (wanted: Wanted | null): Parameters<typeof judge>[0] => ({
  measure: "m",
  unit: "ms",
  samples,
  wanted,
});

describe("a row of the table", () => {
  it.each<[Wanted, object]>([
    [
      { of: "ratio", at: "least", limit: 0.5 },
      { value: 0.5, low: 0.25, high: 1, pass: true },
    ],
    [
      { of: "ratio", at: "least", limit: 0.51 },
      { value: 0.5, pass: false },
    ],
    [
      { of: "difference", at: "most", limit: 15 },
      { value: 15, low: 5, high: 25, pass: true },
    ],
    [
      { of: "value", at: "most", limit: 19 },
      { value: 20, low: 10, high: 30, pass: false },
    ],
  ])("is judged by its medians: %j", (wanted, judgement) => {
    expect(judge(row(wanted))).toMatchObject(judgement);
  });

  it("without a target is not judged", () => {
    expect(judge(row(null))).toBeNull();
  });
});
