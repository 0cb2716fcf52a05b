import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MEMORY_PATTERN, parseMemory, spellMemory } from "../../contract/memory.ts";

describe("an amount of memory", () => {
  it.each([
    ["16G", 16_384],
    ["16 gb", 16_384],
    ["16GiB", 16_384],
    ["4096M", 4096],
    ["1.5g", 1536],
    ["0.1M", 1],
    ["2T", 2_097_152],
  ])("%j is %i MiB", (text, mib) => {
    expect(parseMemory(text)).toBe(mib);
  });

  it.each(["", "16", "G", "16K", "-1G", "0G", "1,5G", "16G M", "9999999T", "1e3M"])("%j is none", (text) => {
    expect(parseMemory(text)).toBeUndefined();
  });

  it("is let through by the form as people write it", () => {
    const pattern = new RegExp(`^(?:${MEMORY_PATTERN})$`, "v");
    for (const text of ["16G", " 1.5 GiB", "4096mb"]) expect(pattern.test(text)).toBe(true);
    for (const text of ["16", "G", "16K"]) expect(pattern.test(text)).toBe(false);
  });

  it("is read as it is spelled", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 30 }), (mib) => parseMemory(spellMemory(mib)) === mib),
    );
  });
});
