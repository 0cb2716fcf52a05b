import { env } from "cloudflare:workers";
import { array, assert, constantFrom, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { configOf } from "../../../functions/config.ts";
import type { HeaderList } from "../../../functions/relay/header-list.ts";
import { requestHeaders, withoutOurCookies } from "../../../functions/relay/headers.ts";

const PATH = { scheme: "me", port: 51_458, prefix: "/me/51458", rest: "/" } as const;
const TOKEN = "the-token";

/** What the service gets of these headers. */
function passed(
  headers: HeadersInit,
  options: {
    url?: string;
    stripPrefix?: boolean;
    cf?: RequestInit["cf"];
    identity?: string;
    proxyOwn?: RegExp;
  } = {},
): HeaderList {
  const {
    url = "http://sessions.localhost:8787/me/51458/",
    stripPrefix = true,
    cf,
    identity,
    proxyOwn,
  } = options;
  const request = new Request(url, { headers, ...(cf === undefined ? {} : { cf }) });
  return requestHeaders(request, PATH, {
    url: new URL(url),
    stripPrefix,
    isOurToken: (authorization) => authorization.includes(TOKEN),
    identity,
    proxyOwn,
  });
}

const valuesOf = (list: HeaderList, name: string): string[] =>
  list.filter(([key]) => key === name).map(([, value]) => value);

describe("the service gets", () => {
  it("what the browser sent", () => {
    const list = passed({
      accept: "*/*",
      "x-xsrftoken": "1",
      origin: "http://sessions.localhost:8787",
      range: "bytes=0-1",
    });
    expect(list).toEqual(
      expect.arrayContaining([
        ["accept", "*/*"],
        ["x-xsrftoken", "1"],
        ["origin", "http://sessions.localhost:8787"],
        ["range", "bytes=0-1"],
      ]),
    );
  });

  it("an Authorization of its own, and never one that holds Berth's token", () => {
    expect(valuesOf(passed({ authorization: "token abc" }), "authorization")).toEqual(["token abc"]);
    for (const authorization of [`Bearer ${TOKEN}`, `bearer  ${TOKEN} `, `Basic abc, Bearer ${TOKEN}`])
      expect(valuesOf(passed({ authorization }), "authorization")).toEqual([]);
  });

  it("no word of an access proxy's on who asks, in whichever header or cookie it comes", () => {
    const list = passed(
      {
        "x-access-jwt": "e.y.J",
        "x-forwarded-access-token": "e.y.J",
        "x-copy": "jwt e.y.J",
        authorization: "Bearer e.y.J",
        cookie: "proxy=e.y.J; theme=dark",
        accept: "*/*",
      },
      { identity: "e.y.J" },
    );
    expect(JSON.stringify(list)).not.toContain("e.y.J");
    expect(valuesOf(list, "cookie")).toEqual(["theme=dark"]);
    expect(valuesOf(list, "accept")).toEqual(["*/*"]);
  });

  it("nothing by which the access proxy itself knows its user again", () => {
    const proxy = {
      HEADER: "x-jwt",
      JWKS: "https://p.example/keys",
      ISSUER: "p",
      AUDIENCE: "a",
      OWN: "lab_sso, X-Lab-*",
    };
    const settings = Object.entries(proxy).map(([name, value]) => [`BERTH_PROXY_${name}`, value]);
    const { login } = configOf({ ...env, BERTH_LOGIN: "header", ...Object.fromEntries(settings) });
    if (login.kind !== "header") throw new Error(login.kind);
    const list = passed(
      {
        "x-amzn-oidc-accesstoken": "secret",
        "X-Auth-Request-Access-Token": "secret",
        "x-lab-token": "secret",
        "x-lab": "kept",
        cookie: [
          ..."CF_Authorization _oauth2_proxy _oauth2_proxy_1 _pomerium AWSELBAuthSessionCookie-0 Lab_SSO"
            .split(" ")
            .map((name) => `${name}=secret`),
          "lab_sso_theme=dark",
        ].join("; "),
      },
      { proxyOwn: login.own },
    );
    expect(JSON.stringify(list)).not.toContain("secret");
    expect([valuesOf(list, "cookie"), valuesOf(list, "x-lab")]).toEqual([["lab_sso_theme=dark"], ["kept"]]);
  });

  it("the proxy's own word on where the request came from", () => {
    const list = passed({ host: "sessions.localhost:8787" });
    expect(list).toEqual(
      expect.arrayContaining([
        ["host", "sessions.localhost:8787"],
        ["x-forwarded-host", "sessions.localhost:8787"],
        ["x-forwarded-proto", "http"],
        ["x-forwarded-port", "8787"],
        ["x-forwarded-for", "127.0.0.1"],
        ["x-forwarded-prefix", "/me/51458"],
      ]),
    );
    const secure = passed({}, { url: "https://apps.example/me/51458/", stripPrefix: false });
    expect(valuesOf(secure, "x-forwarded-proto")).toEqual(["https"]);
    expect(valuesOf(secure, "x-forwarded-port")).toEqual(["443"]);
    expect(valuesOf(secure, "host")).toEqual(["apps.example"]);
    expect(valuesOf(secure, "x-forwarded-prefix")).toEqual([]);
    expect(valuesOf(passed({}, { url: "http://apps.example/me/51458/" }), "x-forwarded-port")).toEqual([
      "80",
    ]);
  });

  it("the client's address where Cloudflare tells it, and no client's claim of one", () => {
    const claim = { "cf-connecting-ip": "203.0.113.7" };
    expect(valuesOf(passed(claim), "x-forwarded-for")).toEqual(["127.0.0.1"]);
    expect(valuesOf(passed(claim, { cf: { colo: "ZRH" } }), "x-forwarded-for")).toEqual(["203.0.113.7"]);
  });

  it.each([
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X_Forwarded_For",
    "X-Forwarded_Prefix",
    "Forwarded",
    "X-Real-IP",
    "X_Real_IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "CF-Ray",
    "CDN-Loop",
    "Berth-Target",
    "X-Berth-User",
  ])("no %s of the client's making", (name) => {
    const spoofed = passed({ [name]: "spoofed" });
    expect(spoofed.filter(([, value]) => value.includes("spoofed"))).toEqual([]);
  });

  it.each([
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "HTTP2-Settings",
    "Expect",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Accept",
  ])("no %s, which is for one connection", (name) => {
    expect(valuesOf(passed({ [name]: "x" }), name.toLowerCase())).toEqual([]);
  });

  it("nothing that Connection names", () => {
    const list = passed({
      connection: "close, X-Private ,x-other",
      "x-private": "1",
      "X-Other": "2",
      "x-kept": "3",
    });
    expect(list.map(([name]) => name)).toEqual(expect.not.arrayContaining(["x-private", "x-other"]));
    expect(valuesOf(list, "x-kept")).toEqual(["3"]);
  });

  it("its Host even when Connection names it", () => {
    expect(valuesOf(passed({ connection: "host, x-forwarded-for", host: "h" }), "host")).toEqual(["h"]);
  });
});

describe("Berth's cookies", () => {
  it.each([
    ["berth=1", ""],
    ["berth_session=1", ""],
    ["__Host-berth=1", ""],
    ["__Secure-berth_session=1", ""],
    ["BERTH=1", ""],
    ["berth", ""],
    ["berth =1", ""],
    ["a=1; berth=2; b=3", "a=1; b=3"],
    ["berth=1; a=2", "a=2"],
    ["a=1; berth_session=2", "a=1"],
    ["berth=1; a=2; berth=3; berth=4", "a=2"],
    ["a=1;berth=2;;  b=3", "a=1; b=3"],
    ["a=1, berth=2", "a=1"],
    ["a=1,b=2; c=3", "a=1,b=2; c=3"],
    ["a=berth=1", "a=berth=1"],
    ["notberth=1; berth2=2; xberth_session=3", "notberth=1; berth2=2; xberth_session=3"],
    ['_xsrf=2|a|b; username-51458="2|1:0|x=="', '_xsrf=2|a|b; username-51458="2|1:0|x=="'],
    ["", ""],
  ])("are taken out of %j", (cookie, rest) => {
    expect(withoutOurCookies(cookie)).toBe(rest);
  });

  it("reach no service, in whichever place and however many Cookie headers there are", () => {
    const name = constantFrom(
      "berth",
      "berth_session",
      "__Host-berth",
      "__Secure-berth_session",
      "Berth",
      "a",
      "_xsrf",
    );
    const pair = tuple(name, constantFrom("", "1", "x=y", '"q"')).map(([key, value]) => `${key}=${value}`);
    const separator = constantFrom(";", "; ", " ;\t", ";;");
    const cookie = tuple(array(pair, { minLength: 1 }), separator).map(([pairs, between]) =>
      pairs.join(between),
    );
    assert(
      property(array(cookie, { minLength: 1, maxLength: 3 }), (cookies) => {
        const headers = new Headers();
        for (const value of cookies) headers.append("cookie", value);
        for (const value of valuesOf(passed(headers), "cookie")) {
          const names = value.split(/[;,]/).map((part) => part.split("=", 1)[0]?.trim() ?? "");
          expect(names.filter((key) => /^(__(host|secure)-)?berth/i.test(key))).toEqual([]);
        }
      }),
    );
  });
});
