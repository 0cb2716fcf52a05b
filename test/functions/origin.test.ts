import { array, assert, constantFrom, integer, oneof, property, record, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { withTarget } from "../../functions/forwarded.ts";
import { originOf } from "../../functions/origin.ts";
import { TARGET_HEADER } from "../../functions/relay/path.ts";

const byUrl = (address: string): object => {
  const { protocol, host, port, origin } = new URL(address);
  return { protocol, host, port, origin };
};

const label = oneof(
  string({ unit: constantFrom(..."abz019-".split("")), minLength: 1, maxLength: 6 }),
  constantFrom("localhost", "sessions", "LOCALHOST", "0x7f", "127", "1", "xn--fa-hia", "%41", "ü", "a_b"),
);

describe("a request's origin", () => {
  it("is what URL makes of it, whatever the host", () => {
    const address = record({
      scheme: constantFrom("http", "https"),
      host: array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")),
      dot: constantFrom("", "."),
      port: oneof(
        constantFrom("", ":80", ":443", ":0", ":080", ":"),
        integer({ min: 1, max: 65_535 }).map((n) => `:${n}`),
      ),
      rest: constantFrom("/", "", "/me/50000/x?y#z", "?q", "#f", "/a@b:1/"),
    }).map(({ scheme, host, dot, port, rest }) => `${scheme}://${host}${dot}${port}${rest}`);
    assert(
      property(address, (text) => {
        if (!URL.canParse(text)) return;
        expect(originOf(text)).toEqual(byUrl(text));
        // As it was read before.
        expect(originOf(text)).toEqual(byUrl(text));
      }),
      { numRuns: 3000 },
    );
  });
});

describe("a request's target", () => {
  it("goes along whenever URL would make another of it", () => {
    const character = constantFrom(
      ..."aZ09/._~-!$&'()*+,;=:@%?\\ \"<>^`{|}[]\tü".split(""),
      "..",
      "/.",
      "/..",
      "%2e",
      "%2F",
    );
    assert(
      property(array(character, { maxLength: 12 }), (parts) => {
        const target = `/me/50000/${parts.join("")}`;
        const request = new Request(`http://localhost${target}`);
        const told = withTarget(request).headers.get(TARGET_HEADER);
        const { pathname, search } = new URL(request.url);
        const raw = request.url.slice("http://localhost".length);
        expect(told ?? raw).toBe(raw);
        expect(told === null).toBe(pathname + search === raw);
      }),
      { numRuns: 2000 },
    );
  });
});
