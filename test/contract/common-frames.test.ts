import {
  anything,
  array,
  assert,
  boolean,
  constantFrom,
  integer,
  jsonValue,
  oneof,
  option,
  property,
  record,
  string,
  stringMatching,
  tuple,
  type Arbitrary,
} from "fast-check";
import { describe, expect, it } from "vitest";
import { isRequest, isResponse } from "../../contract/common-frames.ts";
import { AgentFrame, EdgeFrame } from "../../contract/frames.ts";
import { SESSION_ID, STREAM_ID } from "../../contract/ids.ts";

const headers = array(tuple(string(), string()), { maxLength: 4 });
const id = stringMatching(STREAM_ID);

const request = record({
  type: constantFrom("request"),
  id,
  target: record({
    kind: constantFrom("port"),
    session: stringMatching(SESSION_ID),
    port: integer({ min: 1024, max: 65_535 }),
    tls: boolean(),
  }),
  visitor: string({ maxLength: 128 }),
  method: string(),
  path: string(),
  headers,
  body: constantFrom("none", "inline", "stream"),
});

const response = record({
  type: constantFrom("response"),
  id,
  status: integer({ min: 200, max: 599 }),
  headers,
  length: option(integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
  end: boolean(),
});

const odd = oneof(
  jsonValue(),
  anything(),
  constantFrom(0, -1, 199, 600, 1023, 65_536, 200.5, 2 ** 53, "", "x".repeat(129), "port", "log", "request"),
  constantFrom([["a"]], [["a", 1]], [["a", "b", "c"]], [{}], {}, null),
);

/** A head of which one thing is changed: a field, one of its target's, one too many, or one missing. */
function changed(head: Arbitrary<Record<string, unknown>>): Arbitrary<Record<string, unknown>> {
  return tuple(head, integer({ min: 0, max: 11 }), odd).map(([fields, at, value]) => {
    const { target } = fields;
    const names = Object.keys(fields);
    const name = names[at];
    if (name !== undefined) return { ...fields, [name]: value };
    if (at === 8) return { ...fields, more: value };
    if (at === 9) return Object.fromEntries(Object.entries(fields).slice(1));
    const [inner = ""] = at === 10 ? ["more"] : ["port"];
    return { ...fields, target: { ...(target as object), [inner]: value } };
  });
}

describe.each([
  { what: "a request", head: request, isCommon: isRequest, schema: EdgeFrame, other: AgentFrame },
  { what: "an answer's head", head: response, isCommon: isResponse, schema: AgentFrame, other: EdgeFrame },
])("$what", ({ head, isCommon, schema, other }) => {
  it("is known by sight", () => {
    assert(
      property(head, (fields) => {
        expect(isCommon(fields)).toBe(true);
      }),
    );
  });

  it("that is known by sight is what its schema reads, field for field, and no frame of the other side's", () => {
    assert(
      property(oneof(head, changed(head)), (fields) => {
        const given: unknown = fields;
        if (!isCommon(given)) return;
        expect(schema.parse(given)).toEqual(given);
        expect(other.safeParse(given).success).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });

  it.each([undefined, null, 1, "request", [], ["request"]])("is not %j", (value) => {
    expect(isCommon(value)).toBe(false);
  });
});
