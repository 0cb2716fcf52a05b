import { describe, expect, it } from "vitest";
import { hanging, widthOf } from "../../../agent/cli/hanging.ts";

const TEXT =
  "nothing answers at https://berth.example.org\nStart it there with `npm start`, or run: berth join x";

describe("a text behind its mark", () => {
  it("goes on below its beginning, whole where there is no terminal", () => {
    expect(hanging("berth: ", TEXT, undefined)).toBe(
      "berth: nothing answers at https://berth.example.org\n       Start it there with `npm start`, or run: berth join x",
    );
  });

  it("is broken between words at a terminal's width", () => {
    expect(hanging("berth: ", TEXT, 50).split("\n")).toEqual([
      "berth: nothing answers at",
      "       https://berth.example.org",
      "       Start it there with `npm start`, or run:",
      "       berth join x",
    ]);
  });

  it("keeps what is copied in one piece, also where it does not fit", () => {
    const command = `berth resource add hpc --accept-host-key SHA256:${"A".repeat(43)}`;
    for (const text of [
      `If it is right, run: ${command}`,
      `If it is right, run \`${command}\`.`,
      `Do:\n${command}`,
    ])
      expect(hanging("    ", text, 60)).toContain(command);
  });

  it("is left as it is at a terminal that says no width, or next to none", () => {
    for (const columns of [0, 20]) expect(hanging("", TEXT, columns)).toBe(TEXT);
  });
});

it("only a terminal has a width", () => {
  expect(widthOf({ isTTY: true, columns: 80 })).toBe(80);
  expect(widthOf({ isTTY: false, columns: 80 })).toBeUndefined();
});
