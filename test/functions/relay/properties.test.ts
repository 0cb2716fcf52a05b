import {
  array,
  assert,
  boolean,
  constantFrom,
  integer,
  oneof,
  property,
  string,
  stringMatching,
  tuple,
  type Arbitrary,
} from "fast-check";
import { describe, expect, it } from "vitest";
import { holdsCredential } from "../../../functions/auth/credential.ts";
import type { HeaderList } from "../../../functions/relay/header-list.ts";
import {
  confineCookie,
  requestHeaders,
  responseHeaders,
  withoutOurCookies,
} from "../../../functions/relay/headers.ts";
import { parseProxyPath, rawTarget, servicePath } from "../../../functions/relay/path.ts";

const HOST = "sessions.localhost:8787";
const PATH = { scheme: "me", port: 51_458, prefix: "/me/51458", rest: "/" } as const;

/** A name in any mixture of large and small letters. */
const spelled = (name: string): Arbitrary<string> =>
  array(boolean(), { minLength: name.length, maxLength: name.length }).map((upper) =>
    name
      .split("")
      .map((letter, index) => (upper[index] === true ? letter.toUpperCase() : letter))
      .join(""),
  );

/** What may stand in a header's value (RFC 9110, section 5.5). */
const value = stringMatching(/^[\x21-\x7e]([\t\x20-\x7e]{0,20}[\x21-\x7e])?$/);

const OF_THE_CONNECTION = [
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "proxy-authenticate",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "expect",
  "sec-websocket-key",
  "sec-websocket-extensions",
  "sec-websocket-version",
  "sec-websocket-accept",
];

const TOLD_BY_A_PROXY = [
  "forwarded",
  "x-forwarded-for",
  "x_forwarded_for",
  "x-forwarded_user",
  "x-forwarded",
  "x-forwarded-prefix",
  "x-forwarded-host",
  "x-real-ip",
  "x_real_ip",
  "true-client-ip",
  "true_client_ip",
  "cf-connecting-ip",
  "cf_connecting_ip",
  "cf-ray",
  "cdn-loop",
  "berth-target",
  "berth_target",
  "berth-user",
  "x-berth-user",
  "x_berth_user",
];

const named = (names: readonly string[]): Arbitrary<string> => constantFrom(...names).chain(spelled);

describe("any target", () => {
  const piece = oneof(
    constantFrom(
      "/",
      "me",
      "sme",
      "//",
      "..",
      ".",
      "%2e",
      "%2f",
      "%5c",
      "%00",
      "\\",
      ";",
      "?",
      "#",
      "@",
      ":",
    ),
    integer({ min: -10, max: 70_000 }).map(String),
    constantFrom("08080", "8080.0", "8e3", "0x1f90", "８０８０", "٨٠٨٠", "51458", "1023", "65536"),
    string({ unit: "binary", maxLength: 4 }),
  );
  const target = oneof(
    array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")),
    array(piece, { maxLength: 8 }).map((pieces) => `/me/${pieces.join("")}`),
    tuple(integer({ min: 0, max: 99_999 }), array(piece, { maxLength: 6 })).map(
      ([port, pieces]) => `/sme/${port}${pieces.join("")}`,
    ),
  );

  it("is no session's, or is put together again from what was read, byte for byte", () => {
    assert(
      property(target, (text) => {
        const path = parseProxyPath(text);
        if (path === undefined) return;
        expect(path.prefix + path.rest).toBe(text);
        expect(path.prefix).toBe(`/${path.scheme}/${path.port}`);
        expect(path.port).toBeGreaterThanOrEqual(1024);
        expect(path.port).toBeLessThanOrEqual(65_535);
        expect(["", "/", "?"]).toContain(path.rest.slice(0, 1));
        // What the service is asked for holds the very rest that was authorised, behind at most one slash.
        for (const strip of [true, false]) {
          const asked = servicePath(path, strip);
          expect(asked.endsWith(path.rest)).toBe(true);
          const before = asked.slice(0, asked.length - path.rest.length);
          expect([strip ? "" : path.prefix, strip ? "/" : `${path.prefix}/`]).toContain(before);
          expect(asked.startsWith("/")).toBe(true);
        }
      }),
      { numRuns: 5_000 },
    );
  });

  it("is what was sent, whatever URL would make of it", () => {
    assert(
      property(target, (text) => {
        const sent = `/${text.split("#", 1)[0]}`;
        expect(rawTarget(`http://${HOST}${sent}`)).toBe(sent);
        expect(rawTarget(`http://${HOST}${sent}#/me/22/`)).toBe(sent);
      }),
    );
  });
});

describe("any headers of a request", () => {
  const SECRET = "berth_api_eyJ1c2VyIjoieCJ9.c2lnbmF0dXJl";
  const own = stringMatching(/^x-app-[a-z]{1,4}$/);
  const header = oneof(
    tuple(own.chain(spelled), value),
    tuple(named([...OF_THE_CONNECTION, ...TOLD_BY_A_PROXY]), value),
    tuple(
      spelled("connection"),
      array(oneof(own.chain(spelled), named(TOLD_BY_A_PROXY), constantFrom("close", "", " ", "host")), {
        maxLength: 4,
      }).map((names) => names.join(" ,\t")),
    ),
    tuple(
      spelled("authorization"),
      constantFrom(`Bearer ${SECRET}`, `bearer  ${SECRET}`, `Basic x, Bearer ${SECRET}`, "Basic YXBw"),
    ),
    tuple(
      spelled("cookie"),
      constantFrom("berth=planted", "a=1;__Host-berth_session=planted; b=2", "x=1, berth=planted", "app=1"),
    ),
  );

  it("reach the service without those of a connection, of a proxy, of Berth, or that Connection names", () => {
    assert(
      property(array(header, { maxLength: 12 }), boolean(), (list, stripPrefix) => {
        const headers = new Headers(list);
        const request = new Request(`http://${HOST}/me/51458/`, { headers });
        const passed = requestHeaders(request, PATH, {
          url: new URL(request.url),
          stripPrefix,
          isOurToken: holdsCredential,
        });
        const nominated = (headers.get("connection") ?? "")
          .split(",")
          .map((name) => name.trim().toLowerCase());
        const rebuilt = new Map([
          ["host", HOST],
          ["x-forwarded-host", HOST],
          ["x-forwarded-proto", "http"],
          ["x-forwarded-port", "8787"],
          ["x-forwarded-for", "127.0.0.1"],
          ...(stripPrefix ? [["x-forwarded-prefix", "/me/51458"] as const] : []),
        ]);
        const names = passed.map(([name]) => name);
        for (const [name, text] of rebuilt)
          expect(passed.filter(([key]) => key === name)).toEqual([[name, text]]);
        for (const [name, text] of passed) {
          if (rebuilt.has(name)) continue;
          expect(name).toBe(name.toLowerCase());
          expect([...OF_THE_CONNECTION, ...TOLD_BY_A_PROXY, "connection", ...nominated]).not.toContain(name);
          expect(text).not.toContain("berth_api_");
          expect(text).not.toContain("planted");
          if (name !== "cookie") expect(text).toBe(headers.get(name));
        }
        // What is the application's own arrives.
        for (const name of headers.keys())
          if (name.startsWith("x-app-") && !nominated.includes(name)) expect(names).toContain(name);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("any headers of an answer", () => {
  const WHOLE_HOST = [
    "alt-svc",
    "clear-site-data",
    "nel",
    "public-key-pins",
    "report-to",
    "strict-transport-security",
  ];
  const own = stringMatching(/^x-app-[a-z]{1,4}$/);
  const header: Arbitrary<[string, string]> = oneof(
    tuple(own.chain(spelled), value),
    tuple(named([...OF_THE_CONNECTION, ...WHOLE_HOST, "berth-login-over", "berth-target"]), value),
    tuple(
      spelled("connection"),
      array(own.chain(spelled), { maxLength: 3 }).map((names) => names.join(", ")),
    ),
    tuple(spelled("service-worker-allowed"), constantFrom("/", "/me/51459/", "//evil")),
    tuple(
      spelled("set-cookie"),
      constantFrom(
        "berth=1",
        " __Host-berth_session =1; Path=/",
        "=berth=1",
        "a=1; Path=/; Domain=localhost",
        "a",
      ),
    ),
  );

  it("reach the browser without those of a connection, of the whole host, of Berth, or that Connection names", () => {
    assert(
      property(array(header, { maxLength: 12 }), boolean(), (list: HeaderList, stripPrefix) => {
        const passed = new Headers(responseHeaders(list, PATH, HOST, stripPrefix));
        const nominated = list
          .filter(([name]) => name.toLowerCase() === "connection")
          .flatMap(([, text]) => text.split(",").map((name) => name.trim().toLowerCase()));
        for (const [name, text] of passed) {
          expect([...OF_THE_CONNECTION, ...WHOLE_HOST, "connection", ...nominated]).not.toContain(name);
          expect(name).not.toMatch(/^berth-/);
          if (name === "service-worker-allowed") expect(text).toBe("/me/51458/");
        }
        for (const cookie of passed.getSetCookie()) {
          expect(cookie).not.toMatch(/berth|domain/i);
          expect(cookie).toMatch(/; Path=\/me\/51458\/?$/);
        }
        for (const [name] of list) {
          const key = name.toLowerCase();
          if (key.startsWith("x-app-") && !nominated.includes(key)) expect(passed.has(key)).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("any cookies", () => {
  const ours = constantFrom("berth", "berth_session", "__Host-berth", "__Secure-berth_x", "BERTH_entering");
  const theirs = stringMatching(/^[a-zA-Z_][\w-]{0,6}$/).filter((name) => !/berth/i.test(name));
  const text = stringMatching(/^[!#$%&'()*+./0-9:<=>?@A-Z[\]^_`a-z{|}~-]{0,8}$/);

  it("of the application arrive in their order and unchanged, and none of Berth's", () => {
    const pair = tuple(oneof(ours, theirs), text).map(([name, content]) => `${name}=${content}`);
    const isOurs = (cookie: string): boolean => /^(?:__(?:Host|Secure)-)?berth/i.test(cookie);
    assert(
      property(array(pair, { maxLength: 10 }), constantFrom("; ", ";", " ;  "), (pairs, between) => {
        const kept = withoutOurCookies(pairs.join(between));
        expect(kept).toBe(pairs.filter((cookie) => !isOurs(cookie)).join("; "));
        expect(withoutOurCookies(kept)).toBe(kept);
      }),
      { numRuns: 2_000 },
    );
  });

  it("of an answer stay what they are when they are confined a second time", () => {
    const attribute = oneof(
      text.map((path) => `Path=/${path}`),
      constantFrom("Secure", "HttpOnly", "SameSite=None", "Max-Age=60", "Partitioned"),
    );
    assert(
      property(theirs, text, array(attribute, { maxLength: 4 }), (name, content, attributes) => {
        const once = confineCookie([`${name}=${content}`, ...attributes].join("; "), PATH, true);
        expect(once).toBeDefined();
        expect(once?.startsWith(`${name}=${content};`)).toBe(true);
        expect(confineCookie(once ?? "", PATH, true)).toBe(once);
      }),
    );
  });
});
