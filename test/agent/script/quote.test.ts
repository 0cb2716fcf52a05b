import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { array, assert, constantFrom, nat, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { quote } from "../../../agent/script/quote.ts";
import { temporaryDirectory } from "../../support/session-directory.ts";

const HOSTILE = [
  "",
  "'",
  "''",
  '"',
  "\\",
  "\\'",
  "\n",
  "a\n",
  "\nb",
  "\r\n",
  "-n",
  "--",
  "~",
  "*",
  "!x",
  "$(touch x)",
  "`touch x`",
  "$HOME",
  "${IFS}",
  '"; touch x; "',
  "'; touch x; '",
  "'\\''; touch x",
  "# x",
  "&",
  "$'\\n'",
  "\u0001\u007F\u0081\u0088",
  "é🚢\u2028",
];

const character = nat({ max: 0x2_ffff }).map((code) =>
  code === 0 ? "\n" : String.fromCodePoint(code).toWellFormed(),
);
const text = array(oneof(constantFrom(...HOSTILE), character, string({ unit: "grapheme-ascii" })), {
  maxLength: 30,
}).map((parts) => parts.join(""));

describe.each(["sh", "bash"])("a quoted text, read by %s,", (shell) => {
  /** What the shell takes the texts for, when each is a word of a script. */
  function readBack(directory: string, texts: readonly string[]): string[] {
    const script = join(directory, "script");
    writeFileSync(
      script,
      texts.map((each) => `value=${quote(each)}\nprintf '%s\\0' "$value" ${quote(each)}\n`).join(""),
    );
    const output = execFileSync(shell, [script], { cwd: directory, maxBuffer: 16_777_216 }).toString();
    return output.split("\0").slice(0, -1);
  }
  const twice = (texts: readonly string[]): string[] => texts.flatMap((each) => [each, each]);

  it("is that very text, whatever it holds", async () => {
    const directory = await temporaryDirectory();
    expect(readBack(directory, HOSTILE)).toEqual(twice(HOSTILE));
    assert(
      property(array(text, { minLength: 20, maxLength: 60 }), (texts) => {
        expect(readBack(directory, texts)).toEqual(twice(texts));
      }),
      { numRuns: 25 },
    );
  });

  it("may have 100 kB", async () => {
    const directory = await temporaryDirectory();
    const long = ["'".repeat(100_000), "a\n$(touch x)'".repeat(8000), "🚢".repeat(25_000)];
    expect(readBack(directory, long)).toEqual(twice(long));
  });
});

describe("quoting", () => {
  it("refuses a NUL, which no shell can hold", () => {
    expect(() => quote("a\0b")).toThrow(
      expect.objectContaining({ name: "BerthError", code: "invalid_input" }),
    );
  });
});
