import {
  anything,
  array,
  assert,
  constantFrom,
  dictionary,
  integer,
  json,
  jsonValue,
  oneof,
  property,
  string,
  tuple,
  uint8Array,
  type Arbitrary,
} from "fast-check";
import { describe, expect, it } from "vitest";
import { BerthError } from "../../contract/problem.ts";
import { composeServiceJson, parseServiceJson } from "../../contract/service-json.ts";
import { parseSlug, renderSlug } from "../../contract/slug.ts";

const GOOD = '{"URL":"/me","PORT":"51458","SLUG":"tree","JOB_STATUS":"Running","ERROR_MESSAGE":""}';
const KEYS = [
  "URL",
  "PORT",
  "SLUG",
  "JOB_STATUS",
  "ERROR_MESSAGE",
  "STRIP_PREFIX",
  "__proto__",
  "constructor",
];

/** What an editor, a script or a crash may leave: any bytes, good files that were cut or changed, any JSON. */
const file: Arbitrary<string> = oneof(
  uint8Array({ maxLength: 200 }).map((bytes) => new TextDecoder().decode(bytes)),
  string({ unit: "binary", maxLength: 100 }),
  tuple(integer({ min: 0, max: GOOD.length }), string({ unit: "binary", maxLength: 3 })).map(
    ([at, text]) => GOOD.slice(0, at) + text + GOOD.slice(at + text.length),
  ),
  integer({ min: 0, max: GOOD.length }).map((end) => GOOD.slice(0, end)),
  json(),
  tuple(array(constantFrom(...KEYS)), anything()).map(
    ([keys, value]) => JSON.stringify(Object.fromEntries(keys.map((key) => [key, value])), spell) ?? "",
  ),
  integer({ min: 1, max: 200_000 }).map((depth) => "[".repeat(depth)),
  integer({ min: 1, max: 20_000 }).map((depth) => `{"X":${"[".repeat(depth)}${"]".repeat(depth)}}`),
);

/** `anything()` makes what JSON has no spelling for, too. */
function spell(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

describe("service.json, whatever bytes it holds,", () => {
  it("is read or is broken, and never throws", () => {
    assert(
      property(file, (source) => {
        const reading = parseServiceJson(source);
        if (!reading.ok) {
          expect(reading.reason).toMatch(/./);
          return;
        }
        const { port, phase, status, error, slug } = reading.value;
        if (port !== undefined) expect(port >= 1024 && port <= 65_535).toBe(true);
        if (phase === "running") expect(port).toBeDefined();
        if (phase !== "failed") expect(error).toBe("");
        expect(status.length).toBeLessThanOrEqual(1024);
        expect(error.length).toBeLessThanOrEqual(16_384);
        expect(() => parseSlug(slug)).not.toThrow();
      }),
      { numRuns: 3_000 },
    );
  });

  it("keeps every key that Berth does not know when Berth writes it", () => {
    const key = string({ maxLength: 8 }).filter(
      (name) => !KEYS.slice(0, 6).includes(name) && name !== "__proto__",
    );
    const status = constantFrom("Running", "Failed", "Submitted", "Installing\n1/2", 'a "quoted" one');
    assert(
      property(dictionary(key, jsonValue(), { maxKeys: 6 }), status, (unknown, text) => {
        const first = parseServiceJson(JSON.stringify({ ...unknown, ...(JSON.parse(GOOD) as object) }));
        if (!first.ok) throw new Error(first.reason);
        const written = composeServiceJson(first.raw, { status: text, port: 40_000 });
        const again = parseServiceJson(written);
        if (!again.ok) throw new Error(again.reason);
        expect(again.value).toMatchObject({ status: text.trim(), port: 40_000, slug: "tree" });
        const kept = Object.fromEntries(Object.entries(again.raw).filter(([name]) => !KEYS.includes(name)));
        const before = JSON.parse(JSON.stringify(unknown)) as Record<string, unknown>;
        expect(kept).toEqual(
          Object.fromEntries(Object.entries(before).filter(([name]) => !KEYS.includes(name))),
        );
        expect(composeServiceJson(again.raw, {})).toBe(written);
      }),
    );
  });
});

describe("a slug, whatever it holds,", () => {
  const CODE = [
    "globalThis.evaluated=true",
    '"+(globalThis.evaluated=true)+"',
    '"+eval("globalThis.evaluated=true")+"',
    '"+new Function("globalThis.evaluated=true")()+"',
    '"+`${globalThis.evaluated=true}`+"',
    '"+(new Date(globalThis.evaluated=true)).getTime()+"',
    '"+window.location.host.constructor.constructor("globalThis.evaluated=true")()+"',
    '"+{toString(){globalThis.evaluated=true}}+"',
    '"+(new Date()).getTime()',
    '"+window.location.host+"',
    "${7*7}",
    "{{7*7}}",
    '"',
    "\\",
    "'",
    "+",
  ];

  it("is read or refused, and never evaluated", () => {
    const slug = array(oneof(constantFrom(...CODE), string({ unit: "binary", maxLength: 4 })), {
      maxLength: 8,
    }).map((pieces) => pieces.join(""));
    assert(
      property(slug, (text) => {
        let parts: ReturnType<typeof parseSlug>;
        try {
          parts = parseSlug(text);
        } catch (error) {
          expect(error).toBeInstanceOf(BerthError);
          expect((error as BerthError).message.length).toBeLessThan(2_000);
          return;
        } finally {
          expect(Reflect.get(globalThis, "evaluated")).toBeUndefined();
        }
        expect(() => renderSlug(parts, { now: 0, host: "sessions.localhost:8787" })).not.toThrow();
      }),
      { numRuns: 3_000 },
    );
  });

  it.each([
    '"'.repeat(4096),
    `"${"\\".repeat(4095)}`,
    `"${'\\"'.repeat(2047)}`,
    `"${" ".repeat(4000)}+`,
    `"+${" ".repeat(4000)}"`,
    `"+(${" ".repeat(4000)}new`,
    `"${'+""'.repeat(1023)}`,
    `a${'"+(new Date()).getTime()+"'.repeat(160)}`,
    "/".repeat(4096),
    "../".repeat(1365),
    "%2e".repeat(1365),
    "\uD800".repeat(4096),
    "x".repeat(1_000_000),
  ])("is read or refused in no more time than its length takes (%#)", (text) => {
    // A reading that took exponential time would not end before the test's time is up.
    for (let time = 0; time < 200; time += 1) {
      try {
        renderSlug(parseSlug(text), { now: 0, host: "h" });
      } catch (error) {
        expect(error).toBeInstanceOf(BerthError);
      }
    }
  });
});
