import { assert, constant, constantFrom, integer, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { parseProxyPath, rawTarget, servicePath } from "../../../functions/relay/path.ts";

describe("a target", () => {
  it.each([
    ["http://sessions.localhost:8787/me/51458/", "/me/51458/"],
    ["http://sessions.localhost:8787/me/51458/a?b=http://x/y#c", "/me/51458/a?b=http://x/y"],
    ["http://sessions.localhost:8787/a/../b\\c/%2e%2E?d", "/a/../b\\c/%2e%2E?d"],
    ["http://sessions.localhost:8787//me/51458", "//me/51458"],
    ["http://sessions.localhost:8787", "/"],
    ["http://sessions.localhost:8787/#/me/51458/", "/"],
  ])("of %s is %s", (url, target) => {
    expect(rawTarget(url)).toBe(target);
  });
});

describe("a session's path", () => {
  it.each([
    ["/me/51458", { scheme: "me", port: 51_458, prefix: "/me/51458", rest: "" }],
    ["/me/51458?x", { scheme: "me", port: 51_458, prefix: "/me/51458", rest: "?x" }],
    ["/sme/1024/a//b/../%2f", { scheme: "sme", port: 1024, prefix: "/sme/1024", rest: "/a//b/../%2f" }],
    ["/me/65535/", { scheme: "me", port: 65_535, prefix: "/me/65535", rest: "/" }],
  ])("%s is read", (target, path) => {
    expect(parseProxyPath(target)).toEqual(path);
  });

  it.each([
    "/me",
    "/me/",
    "/me/22/",
    "/me/1023/",
    "/me/65536/",
    "/me/99999/",
    "/me/123456/",
    "/me/08080/",
    "/me/0/",
    "/me/-8080/",
    "/me/+8080/",
    "/me/8080.0/",
    "/me/1e4/",
    "/me/8080@evil/",
    "/me/8080:80/",
    "/me/8080;x/",
    "/me/8080\\x",
    "/me/8080%2f",
    "/me/8080#x",
    "/me/８０８０/",
    "/me/٨٠٨٠/",
    "/me/ 8080/",
    "/me//8080/",
    "//me/8080/",
    "/ME/8080/",
    "/smee/8080/",
    "/me/8080\n/",
    "me/8080/",
    "http://x/me/8080/",
  ])("%j is none", (target) => {
    expect(parseProxyPath(target)).toBeUndefined();
  });

  const port = integer({ min: 1024, max: 65_535 });
  const scheme = constantFrom("me" as const, "sme" as const);
  const rest = oneof(
    constant(""),
    string({ unit: "binary-ascii" }).map((text) => `/${text}`),
    string({ unit: "binary-ascii" }).map((text) => `?${text}`),
  );

  it("is read back from any port and any rest, and the rest is not touched", () => {
    assert(
      property(scheme, port, rest, (kind, number, tail) => {
        const prefix = `/${kind}/${number}`;
        expect(parseProxyPath(prefix + tail)).toEqual({ scheme: kind, port: number, prefix, rest: tail });
      }),
    );
  });

  it("asks the service for an origin-form target, whose bytes are the browser's", () => {
    assert(
      property(scheme, port, rest, (kind, number, tail) => {
        const path = { scheme: kind, port: number, prefix: `/${kind}/${number}`, rest: tail };
        const slash = tail.startsWith("/") ? "" : "/";
        expect(servicePath(path, true)).toBe(slash + tail);
        expect(servicePath(path, false)).toBe(path.prefix + slash + tail);
      }),
    );
  });
});
