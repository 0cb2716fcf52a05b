import { array, assert, constantFrom, nat, oneof, option, property, stringMatching, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { BerthError } from "../../contract/problem.ts";
import { parseSlug, renderSlug } from "../../contract/slug.ts";

const context = { now: 1_795_000_000_000, host: "berth.example:8787" };
const open = (raw: string): string => renderSlug(parseSlug(raw), context);

/** Where the slug leads, as a browser resolves it. */
const resolve = (slug: string): URL => new URL(`/me/51458/${slug}`, "http://sessions.localhost:8787");

describe("a slug", () => {
  it.each([
    ["nothing", "", ""],
    ["a path", "tree", "tree"],
    ["a path of several segments", "lab/tree/work", "lab/tree/work"],
    ["a query and a fragment", "lab?x=1#frag", "lab?x=1#frag"],
    ["only a query", "?folder=/home/ada", "?folder=/home/ada"],
    ["dots in the query", "lab?path=../up", "lab?path=../up"],
    ["a single dot segment", "./tree", "./tree"],
    ["three dots", ".../tree", ".../tree"],
    ["single quotes", "lab?x='a'", "lab?x='a'"],
    ["percent-encoding, kept byte for byte", "a%2Fb%zz%", "a%2Fb%zz%"],
    ["a lone quote", '"', ""],
    ["the older form of a path", 'lab"', "lab"],
    ["the older form with the time", 'tree?dt="+(new Date()).getTime()', "tree?dt=1795000000000"],
    [
      "the older form with the host",
      'vnc.html?host="+window.location.host+"/me/50123"+"&dt="+(new Date()).getTime()',
      "vnc.html?host=berth.example:8787/me/50123&dt=1795000000000",
    ],
    ["the time, spelled otherwise", 'a"+Date.now()+"b"+new Date().getTime()', "a1795000000000b1795000000000"],
    ["a newline between operands", 'tree"+\n"x"', "treex"],
    ["white space in an expression", 'a" + ( new  Date ( ) ) . getTime ( ) + "b"', "a1795000000000b"],
    ["single-quoted strings", `a"+'b"c'+"d'e"`, "ab%22cd'e"],
    ["the host in front", '"+window.location.host', "berth.example:8787"],
    ["escapes of JavaScript", String.raw`\x61\u0062\u{63}\/\"\'"`, `abc/%22'`],
    ["a surrogate pair from two strings", String.raw`\ud83d"+"\ude00"`, "%F0%9F%98%80"],
    ["a lone surrogate", "\uD83D", "%EF%BF%BD"],
    ["what a URL must encode", "mes données/a b<c>", "mes%20donn%C3%A9es/a%20b%3Cc%3E"],
  ])("may be %s", (_what, raw, slug) => {
    expect(open(raw)).toBe(slug);
  });

  it.each([
    ["a call that is not known", 'a"+alert(1)'],
    ["a property that is not known", 'a"+window.location.href'],
    ["a longer name", 'a"+window.location.hostname'],
    ["a call of the time's result", 'a"+Date.now()()'],
    ["a string left open", 'a"+"b'],
    ["a single-quoted string left open", `a"+'b`],
    ["an escaped quote that closes nothing", String.raw`a\"`],
    ["an operator without an operand", 'a"+'],
    ["operands without an operator", 'a""b"'],
    ["another operator", 'a"-"b"'],
    ["a template literal", 'a"+`b`'],
    ["a statement behind", 'a";alert(1)'],
    ["a comment", 'a"/*b*/'],
    ["a whole expression", '"tree"'],
    ["an escape that is none", String.raw`\u00g0"`],
    ["a code point that is none", String.raw`\u{110000}"`],
    ["an octal escape", String.raw`\101"`],
    ["a newline", "tree\nx"],
    ["an escaped newline", String.raw`tree\n"`],
    ["a newline by its number", String.raw`tree\u000a"`],
    ["a tab within a dot segment", ".\t./x"],
    ["a NUL", "tree\0"],
    ["a line separator", "tree\u2028x"],
    ["a dot segment in front", "../51459/tree"],
    ["a dot segment within", "lab/../../51459"],
    ["a dot segment at the end", "lab/.."],
    ["an encoded dot segment", "%2e%2E/51459"],
    ["a half-encoded dot segment", "lab/.%2e/x"],
    ["a dot segment behind slashes", "//../x"],
    ["a dot segment from two strings", '."+"./x"'],
    ["a dot segment by its numbers", String.raw`\x2e\u002e/x"`],
    ["more than 4096 characters", "a".repeat(4097)],
  ])("is refused with %s, naming the text", (_what, raw) => {
    const shown = JSON.stringify(raw).slice(0, 100).replace(/"$/, "");
    expect(() => parseSlug(raw)).toThrow(
      expect.objectContaining({ code: "invalid_request", message: expect.stringContaining(shown) }),
    );
  });

  it.each([
    "//evil.example",
    String.raw`\\evil.example`,
    String.raw`/\evil.example`,
    String.raw`..\..\51459`,
    "javascript:alert(1)",
  ])("%s stays on the session's path", (raw) => {
    const url = resolve(open(raw));
    expect(url.origin).toBe("http://sessions.localhost:8787");
    expect(url.pathname).toMatch(/^\/me\/51458\/[^/\\]/);
  });

  it("is refused when it is the host that makes it leave the path", () => {
    const parts = parseSlug('"+window.location.host+"/x"');
    expect(() => renderSlug(parts, { now: 0, host: ".." })).toThrow(BerthError);
    expect(renderSlug(parts, { now: 0, host: "//evil\r\n?" })).toBe("%2F%2Fevil%0D%0A%3F/x");
  });

  it("of any text at all stays on its path or is refused by a BerthError", () => {
    const pieces = constantFrom(
      '"',
      "'",
      "\\",
      "/",
      ".",
      "..",
      "%2e",
      "+",
      "?",
      "#",
      " ",
      "\n",
      "a",
      "\\u002e",
      "\\x2f",
      "\uD800",
      "Date.now()",
      "(new Date()).getTime()",
      "window.location.host",
    );
    const characters = nat({ max: 0xffff }).map((code) => String.fromCharCode(code));
    const raw = array(oneof(pieces, characters), { maxLength: 20 }).map((parts) => parts.join(""));
    assert(
      property(raw, (text) => {
        let slug: string;
        try {
          slug = open(text);
        } catch (error) {
          expect(error).toBeInstanceOf(BerthError);
          return;
        }
        expect(slug).toMatch(/^(?![/\\])[\x21-\x7E]*$/);
        const url = resolve(slug);
        expect(url.host).toBe("sessions.localhost:8787");
        expect(url.pathname.startsWith("/me/51458/")).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it("that is plain comes out as it went in", () => {
    const segment = stringMatching(/^[A-Za-z0-9_~!$&'()*,;=:@%-][A-Za-z0-9._~!$&'()*,;=:@%-]{0,8}$/).filter(
      (text) => !/^(?:\.|%2e){2}$/i.test(text),
    );
    const slug = tuple(array(segment, { maxLength: 4 }), option(segment), option(segment)).map(
      ([path, query, fragment]) =>
        `${path.join("/")}${query === null ? "" : `?${query}`}${fragment === null ? "" : `#${fragment}`}`,
    );
    assert(
      property(slug, (text) => {
        expect(open(text)).toBe(text);
      }),
    );
  });
});
