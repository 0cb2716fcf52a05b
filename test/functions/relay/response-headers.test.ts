import { array, assert, boolean, constantFrom, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import type { HeaderList } from "../../../functions/relay/header-list.ts";
import { confineCookie, mapLocation, responseHeaders } from "../../../functions/relay/headers.ts";

const PATH = { scheme: "me", port: 51_458, prefix: "/me/51458", rest: "/" } as const;
const HOST = "sessions.localhost:8787";

/** What every answer gets whose service says nothing of it. */
const CONFINED = {
  "cache-control": "private",
  "content-security-policy": "frame-ancestors 'self'",
  "cross-origin-opener-policy": "same-origin-allow-popups",
  "cross-origin-resource-policy": "same-origin",
  "origin-agent-cluster": "?1",
};

const mapped = (headers: HeaderList, stripPrefix = true): Headers =>
  new Headers(responseHeaders(headers, PATH, HOST, stripPrefix));

describe("a redirect of a service that does not know its prefix", () => {
  it.each([
    ["/lab", "/me/51458/lab"],
    ["/", "/me/51458/"],
    ["/lab?next=/a#top", "/me/51458/lab?next=/a#top"],
    ["/a%2Fb/%2e%2e/c d", "/me/51458/a%2Fb/%2e%2e/c d"],
    ["/me/51459/lab", "/me/51458/me/51459/lab"],
    ["/me/514580", "/me/51458/me/514580"],
    // It knows the prefix from X-Forwarded-Prefix: then it stands there once.
    ["/me/51458", "/me/51458"],
    ["/me/51458/lab", "/me/51458/lab"],
    ["/me/51458?x", "/me/51458?x"],
    ["http://sessions.localhost:8787/lab", "/me/51458/lab"],
    ["https://sessions.localhost:8787/lab", "/me/51458/lab"],
    ["HTTP://SESSIONS.LOCALHOST:8787/lab", "/me/51458/lab"],
    ["http://sessions.localhost:8787", "/me/51458/"],
    ["http://sessions.localhost:8787?x=1", "/me/51458/?x=1"],
    ["http://sessions.localhost:8787/me/51458/lab", "/me/51458/lab"],
    ["http://127.0.0.1:51458/lab", "/me/51458/lab"],
    ["http://localhost:51458/lab", "/me/51458/lab"],
    ["https://[::1]:51458/lab", "/me/51458/lab"],
    ["http://sessions.localhost:8787\\@evil.example/x", "/me/51458/x"],
  ])("to %s leads to %s", (location, target) => {
    expect(mapLocation(location, PATH, HOST, true)).toBe(target);
  });

  it.each([
    "lab",
    "./lab",
    "../lab",
    "?x=1",
    "#top",
    "https://example.org/login?next=/lab",
    "http://localhost:51459/lab",
    "http://127.0.0.2:51458/",
    "http://sessions.localhost/",
    "http://sessions.localhost:8787@evil.example/",
    "http://localhost:51458.evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "mailto:ana@example.org",
    "javascript:alert(1)",
    "http://",
    "",
  ])("to %j stays as it is", (location) => {
    expect(mapLocation(location, PATH, HOST, true)).toBe(location);
  });

  it("to a path of its own always leads behind the prefix, and once", () => {
    const own = constantFrom(
      "",
      `http://${HOST}`,
      `https://${HOST}`,
      "http://127.0.0.1:51458",
      "http://localhost:51458",
    );
    const path = string({ unit: "binary-ascii" }).map((text) => `/${text.replace(/^[/\\]+/, "")}`);
    assert(
      property(own, path, (origin, target) => {
        const location = mapLocation(origin + target, PATH, HOST, true);
        expect(location).toMatch(/^\/me\/51458(?=[/?#]|$)/);
        expect(mapLocation(location, PATH, HOST, true)).toBe(location);
      }),
    );
  });
});

describe("a redirect of a service that was told its base path", () => {
  it.each([
    ["/me/51458/lab", "/me/51458/lab"],
    ["/lab", "/lab"],
    ["http://sessions.localhost:8787/me/51458/lab", "/me/51458/lab"],
    ["http://127.0.0.1:51458/me/51458/lab?x#y", "/me/51458/lab?x#y"],
    ["https://example.org/", "https://example.org/"],
    ["//evil.example/", "//evil.example/"],
  ])("to %s leads to %s", (location, target) => {
    expect(mapLocation(location, PATH, HOST, false)).toBe(target);
  });
});

describe("a service's cookie", () => {
  it.each([
    ["a=1", "a=1; Path=/me/51458/"],
    ["a=1; Path=/", "a=1; Path=/me/51458/"],
    ["a=1; path=/lab; HttpOnly; SameSite=Strict", "a=1; HttpOnly; SameSite=Strict; Path=/me/51458/lab"],
    ["a=1; Domain=localhost; Path=/", "a=1; Path=/me/51458/"],
    ["a=1; DOMAIN = .sessions.localhost;Secure", "a=1; Secure; Path=/me/51458/"],
    ["a=1; Path=/me/51458/lab", "a=1; Path=/me/51458/lab"],
    ["a=1; Path=/me/51458", "a=1; Path=/me/51458"],
    ["a=1; Path=/me/514589", "a=1; Path=/me/51458/me/514589"],
    ["a=1; Path=/me/51459/", "a=1; Path=/me/51458/me/51459/"],
    ["a=1; Path=lab", "a=1; Path=/me/51458/"],
    ["a=1; Path", "a=1; Path=/me/51458/"],
    ["a=1; Path=/x; Path=/me/51459", "a=1; Path=/me/51458/me/51459"],
    [
      "a=b=c; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
      "a=b=c; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/me/51458/",
    ],
  ])("%s is confined: %s", (cookie, confined) => {
    expect(confineCookie(cookie, PATH, true)).toBe(confined);
  });

  it.each([
    ["a=1; Path=/", "a=1; Path=/me/51458/"],
    ["a=1; Path=/me/51458/lab", "a=1; Path=/me/51458/lab"],
    ["a=1; Path=/lab", "a=1; Path=/me/51458/"],
  ])("%s of a service that was told its base path is confined: %s", (cookie, confined) => {
    expect(confineCookie(cookie, PATH, false)).toBe(confined);
  });

  it.each([
    "berth=1",
    "berth_session=1; Path=/",
    "__Host-berth=1; Secure",
    " Berth =1",
    "__Secure-berth_session=",
    "berth",
  ])("%s, which has a name of Berth's, is dropped", (cookie) => {
    expect(confineCookie(cookie, PATH, true)).toBeUndefined();
    expect(mapped([["Set-Cookie", cookie]]).getSetCookie()).toEqual([]);
  });

  it("is one of several, each in a header of its own", () => {
    const headers = mapped([
      ["Set-Cookie", "a=1"],
      ["set-cookie", "berth=2"],
      ["SET-COOKIE", "b=3; Domain=localhost"],
    ]);
    expect(headers.getSetCookie()).toEqual(["a=1; Path=/me/51458/", "b=3; Path=/me/51458/"]);
  });

  it("never leaves its session, and never has a name of Berth's, whatever it is", () => {
    const attribute = oneof(
      string({ unit: "grapheme-ascii" }).map((value) => `Path=${value}`),
      string({ unit: "grapheme-ascii" }).map((value) => `Domain=${value}`),
      string({ unit: "grapheme-ascii" }),
    );
    const name = oneof(
      constantFrom("berth", "__Host-berth", " berth_session"),
      string({ unit: "grapheme-ascii" }),
    );
    assert(
      property(name, array(attribute), boolean(), (key, attributes, stripPrefix) => {
        const cookie = confineCookie([`${key}=1`, ...attributes].join(";"), PATH, stripPrefix);
        if (cookie === undefined) return;
        const [pair = "", ...kept] = cookie.split(";").map((part) => part.trim());
        expect(pair.split("=", 1)[0]?.trim()).not.toMatch(/^(__(host|secure)-)?berth(_session)?$/i);
        expect(kept.filter((part) => /^domain\s*(=|$)/i.test(part))).toEqual([]);
        const paths = kept.filter((part) => /^path\s*(=|$)/i.test(part));
        expect(paths).toHaveLength(1);
        expect(paths[0]).toMatch(/^Path=\/me\/51458(?=\/|$)/);
      }),
    );
  });
});

describe("the browser gets", () => {
  it("what the service sent, repeated headers included", () => {
    const headers = mapped([
      ["Content-Type", "text/html"],
      ["Vary", "Accept"],
      ["vary", "Cookie"],
      ["ETag", 'W/"1"'],
      ["Cache-Control", "max-age=60"],
    ]);
    expect(Object.fromEntries(headers)).toEqual({
      ...CONFINED,
      "content-type": "text/html",
      vary: "Accept, Cookie",
      etag: 'W/"1"',
      "cache-control": "private, max-age=60",
    });
  });

  it.each([
    [undefined, "private"],
    ["no-store", "private, no-store"],
    ["public, max-age=31536000, immutable", "private, max-age=31536000, immutable"],
    ["Public,S-MaxAge=60,proxy-revalidate", "private"],
    ['private="set-cookie, x", max-age=1', "private, max-age=1"],
    ['max-age=60, no-cache="set-cookie"', 'private, max-age=60, no-cache="set-cookie"'],
    ['no-cache="set-cookie, x, public", public', 'private, no-cache="set-cookie, x, public"'],
    [", ,", "private"],
  ])("an answer that no shared cache may keep, with Cache-Control %j", (given, kept) => {
    const headers = mapped(given === undefined ? [] : [["Cache-Control", given]]);
    expect(headers.get("cache-control")).toBe(kept);
    for (const name of [
      "CDN-Cache-Control",
      "Cloudflare-CDN-Cache-Control",
      "Cache-Tag",
      "Surrogate-Control",
      "Surrogate-Key",
      "X-Accel-Expires",
      "X-Accel-Redirect",
      "X-Sendfile",
    ])
      expect(mapped([[name, "x"]]).has(name)).toBe(false);
  });

  it("an answer that no page of another origin embeds, frames, or holds the window of", () => {
    expect(Object.fromEntries(mapped([]))).toEqual(CONFINED);
  });

  it.each([
    ["Cross-Origin-Resource-Policy", "cross-origin"],
    ["Cross-Origin-Opener-Policy", "same-origin"],
    ["Content-Security-Policy", "Frame-Ancestors https://example.org"],
  ])("what the service itself says of that: %s", (name, value) => {
    expect(mapped([[name, value]]).get(name)).toBe(value);
  });

  it("the service's own policy beside Berth's, where it says nothing of frames", () => {
    const policy = mapped([["Content-Security-Policy", "default-src 'self'"]]).get("content-security-policy");
    expect(policy).toBe("default-src 'self', frame-ancestors 'self'");
    const framed = mapped([["X-Frame-Options", "DENY"]]);
    expect([framed.get("x-frame-options"), framed.has("content-security-policy")]).toEqual(["DENY", false]);
  });

  it.each([
    "Accept-CH",
    "Alt-Svc",
    "Clear-Site-Data",
    "NEL",
    "Report-To",
    "Secure-Session-Registration",
    "Set-Login",
    "Strict-Transport-Security",
    "Use-As-Dictionary",
  ])("no word of the service's for its whole host: %s", (name) => {
    expect(mapped([[name, "x"]]).has(name)).toBe(false);
    expect(mapped([["Origin-Agent-Cluster", "?0"]]).get("origin-agent-cluster")).toBe("?1");
  });

  it("nothing that is for one connection, or that Connection names", () => {
    const headers = mapped([
      ["Connection", "keep-alive, X-Private"],
      ["Connection", "x-second"],
      ["Keep-Alive", "timeout=5"],
      ["Transfer-Encoding", "chunked"],
      ["Trailer", "x"],
      ["Upgrade", "h2c"],
      ["Proxy-Authenticate", "Basic"],
      ["Sec-WebSocket-Accept", "x"],
      ["X-Private", "1"],
      ["X-Second", "2"],
      ["X-Kept", "3"],
    ]);
    expect(Object.fromEntries(headers)).toEqual({ ...CONFINED, "x-kept": "3" });
  });

  it("no leave for a service worker to rule other sessions", () => {
    for (const scope of ["/", "/me/51458/../", "https://sessions.localhost/"])
      expect(mapped([["Service-Worker-Allowed", scope]]).get("service-worker-allowed")).toBe("/me/51458/");
  });

  it.each([
    ["5; url=/lab", "5; url=/me/51458/lab"],
    ["0;URL='/lab'", "0;URL=/me/51458/lab"],
    ['0, url = "http://localhost:51458/lab"', "0, url = /me/51458/lab"],
    ["0; url=https://example.org/", "0; url=https://example.org/"],
    ["30", "30"],
    ["5; url=lab", "5; url=lab"],
  ])("Refresh: %s as %s", (value, refresh) => {
    expect(mapped([["Refresh", value]]).get("refresh")).toBe(refresh);
  });

  it("Location and Content-Location behind the prefix", () => {
    const headers = mapped([
      ["location", "/lab"],
      ["Content-Location", "/lab/1"],
    ]);
    expect(headers.get("location")).toBe("/me/51458/lab");
    expect(headers.get("content-location")).toBe("/me/51458/lab/1");
  });
});
