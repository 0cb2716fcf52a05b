import { assert, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { parseSharePath } from "../../../functions/relay/path.ts";

const SESSION = "s4k2m9x0v7qrt";

describe("a shared session's path", () => {
  it.each([
    [`/s/${SESSION}`, ""],
    [`/s/${SESSION}?x`, "?x"],
    [`/s/${SESSION}/a//b/../%2f`, "/a//b/../%2f"],
  ])("%s is read", (target, rest) => {
    expect(parseSharePath(target)).toEqual({ session: SESSION, prefix: `/s/${SESSION}`, rest });
  });

  it.each([
    "/s",
    "/s/",
    "/s/s4k2m9x0v7qr",
    "/s/s4k2m9x0v7qrtx",
    "/s/S4K2M9X0V7QRT",
    "/s/s4k2m9x0v7qrl",
    "/s/%734k2m9x0v7qrt",
    `//s/${SESSION}`,
    `/s//${SESSION}`,
    `/s/${SESSION};x`,
    `/s/${SESSION}\\x`,
    `/s/${SESSION}%2f`,
    `/s/${SESSION}#x`,
    `/s/${SESSION}\n/`,
    `/me/${SESSION}/`,
  ])("%j is none", (target) => {
    expect(parseSharePath(target)).toBeUndefined();
  });

  it("is cut after the session, whatever follows", () => {
    assert(
      property(string({ unit: "binary" }), (tail) => {
        const path = parseSharePath(`/s/${SESSION}${tail}`);
        if (/^[/?]/.test(tail) || tail === "") expect(path?.rest).toBe(tail);
        else expect(path).toBeUndefined();
      }),
    );
  });
});
