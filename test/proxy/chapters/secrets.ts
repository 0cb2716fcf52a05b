import { beforeAll, describe, expect, it } from "vitest";
import { valueOf, valuesOf, type HeaderList } from "../../support/raw-http.ts";
import { handshake } from "../../support/raw-websocket.ts";
import { begin, exchange, inspect, inspectUpgrade, upgradeAnswer } from "../client.ts";
import type { Stage } from "../stage.ts";
import type { Access } from "../subject.ts";

const OWN_COOKIES = ["berth", "berth_session"].flatMap((name) => [
  name,
  `__Host-${name}`,
  `__Secure-${name}`,
]);
/** Names that look like Berth's and are an application's. */
const LOOKALIKES = "berthday=1; my_berth=2; berth-session=3; berths=4; xberth=5";

const cookieOf = (access: Access): string => valueOf(access.headers, "cookie") ?? "";
const tokenOf = (access: Access): string =>
  (valueOf(access.headers, "authorization") ?? "").replace(/^\S+ +/, "");

/** The same access with its cookie among others; `place` is told the cookie. */
const withCookies = (access: Access, place: (own: string) => readonly string[]): Access => ({
  base: access.base,
  headers: place(cookieOf(access)).map((line) => ["Cookie", line] as const),
});

/** Where a browser may put Berth's cookie among the application's. */
const PLACES: readonly [string, (own: string) => readonly string[]][] = [
  ["first", (own) => [`${own}; app=1; other=2`]],
  ["in the middle", (own) => [`app=1; ${own}; other=2`]],
  ["last", (own) => [`app=1; other=2; ${own}`]],
  ["twice", (own) => [`${own}; app=1; ${own}; other=2`]],
  ["without spaces", (own) => [`app=1;${own};other=2`]],
  ["with many spaces", (own) => [`app=1;   ${own}  ;   other=2`]],
  ["beside an old one of its name", (own) => [`${own}; ${own.split("=", 1)[0]}=old; app=1; other=2`]],
];

export function describeSecrets(stage: Stage): void {
  describe("Berth's secrets and the application's own", () => {
    let browser: Access;
    beforeAll(async () => {
      browser = await stage.exposed.browser();
    });

    it("the token that let a request in does not arrive, nor come back", async () => {
      const answer = await exchange(stage.exposed, {});
      expect(answer.status).toBe(200);
      expect(JSON.stringify([answer.headers, answer.body.toString()])).not.toContain(tokenOf(stage.exposed));
      const upgraded = await inspectUpgrade(stage.exposed);
      expect(JSON.stringify(upgraded)).not.toContain(tokenOf(stage.exposed));
    });

    it.each<[string, (token: string) => HeaderList]>([
      ["a scheme in small letters", (token) => [["Authorization", `bearer ${token}`]]],
      ["a name in capitals", (token) => [["AUTHORIZATION", `Bearer ${token}`]]],
      ["more spaces", (token) => [["Authorization", `Bearer   ${token}  `]]],
      [
        "a second Authorization behind it",
        (token) => [
          ["Authorization", `Bearer ${token}`],
          ["Authorization", "Basic YXBw"],
        ],
      ],
      [
        "a second Authorization before it",
        (token) => [
          ["Authorization", "Basic YXBw"],
          ["Authorization", `Bearer ${token}`],
        ],
      ],
      [
        "the token twice",
        (token) => [
          ["Authorization", `Bearer ${token}`],
          ["Authorization", `Bearer ${token}`],
        ],
      ],
    ])("the token does not arrive with %s", async (_what, spell) => {
      const headers = spell(tokenOf(stage.exposed));
      for (const access of [{ base: stage.exposed.base, headers: [] }, browser]) {
        const answer = await exchange({ ...access, headers: [...access.headers, ...headers] }, {});
        expect(answer.body.toString()).not.toContain(tokenOf(stage.exposed));
        if (answer.status !== 200) expect([400, 401]).toContain(answer.status);
      }
    });

    it.each(OWN_COOKIES)("a cookie named %s does not arrive, wherever it stands", async (name) => {
      for (const line of [
        `${name}=planted; app=1`,
        `app=1; ${name}=planted`,
        `app=1;${name}=planted;${name}=planted`,
        `app=1; ${name} = planted`,
        `app=1; ${name}="planted"`,
        `app=1;\t${name}=planted`,
      ]) {
        const inspection = await inspect(stage.exposed, { headers: [["Cookie", line]] });
        expect(JSON.stringify(inspection)).not.toContain("planted");
        expect(valueOf(inspection.headers, "cookie")).toBe("app=1");
      }
    });

    it.each(OWN_COOKIES)("a cookie named %s alone leaves no Cookie header", async (name) => {
      const { headers } = await inspect(stage.exposed, { headers: [["Cookie", `${name}=planted`]] });
      expect(valuesOf(headers, "cookie")).toEqual([]);
    });

    it("a cookie of ours in a second Cookie line does not arrive", async () => {
      for (const name of OWN_COOKIES) {
        const answer = await exchange(stage.exposed, {
          headers: [
            ["Cookie", "app=1"],
            ["Cookie", `${name}=planted`],
            ["Cookie", "other=2"],
          ],
        });
        expect(answer.body.toString()).not.toContain("planted");
      }
    });

    it("a cookie of ours with a value of 6 KiB does not arrive", async () => {
      const { headers } = await inspect(stage.exposed, {
        headers: [["Cookie", `app=1; berth_session=${"planted".repeat(900)}; other=2`]],
      });
      expect(valueOf(headers, "cookie")).toBe("app=1; other=2");
    });

    it("cookies of the application arrive as they are", async () => {
      const line = `${LOOKALIKES}; quoted="a b"; json={"x":[1,2]}; empty=; bare; eq=a=b==; _xsrf=2|a|b|1; utf=%E2%82%AC`;
      const { headers } = await inspect(stage.exposed, { headers: [["Cookie", line]] });
      expect(valueOf(headers, "cookie")).toBe(line);
    });

    it.each(PLACES)(
      "a browser's cookie that stands %s lets it in and does not arrive",
      async (_where, place) => {
        const access = withCookies(browser, place);
        const [, value = ""] = cookieOf(browser).split("=", 2);
        expect(value).not.toBe("");
        const inspection = await inspect(access);
        expect(JSON.stringify(inspection)).not.toContain(value);
        expect(valueOf(inspection.headers, "cookie")?.split(/;\s*/)).toEqual(
          expect.arrayContaining(["app=1", "other=2"]),
        );
        const upgraded = await inspectUpgrade(access, { headers: [["Origin", browser.base.origin]] });
        expect(JSON.stringify(upgraded)).not.toContain(value);
        expect(valueOf(upgraded.headers, "cookie")).toContain("app=1");
      },
    );

    it("a browser's cookie in one of two Cookie lines does not arrive", async () => {
      const [, value = ""] = cookieOf(browser).split("=", 2);
      for (const lines of [(own: string) => [own, "app=1"], (own: string) => ["app=1", own]]) {
        const answer = await exchange(withCookies(browser, lines), {});
        expect(answer.body.toString()).not.toContain(value);
        expect([200, 400, 401]).toContain(answer.status);
      }
    });

    it.each([
      "Basic YXBwOnNlY3JldA==",
      "token 0123456789abcdef",
      "Bearer the-applications-own",
      'Digest username="app", realm="x"',
    ])("the application's own Authorization %j arrives from a browser", async (authorization) => {
      const { headers } = await inspect(browser, { headers: [["Authorization", authorization]] });
      expect(valuesOf(headers, "authorization")).toEqual([authorization]);
      const upgraded = await inspectUpgrade(browser, {
        headers: [
          ["Authorization", authorization],
          ["Origin", browser.base.origin],
        ],
      });
      expect(valuesOf(upgraded.headers, "authorization")).toEqual([authorization]);
    });
  });

  describe("origins of WebSockets", () => {
    let browser: Access;
    beforeAll(async () => {
      browser = await stage.exposed.browser();
    });

    it("a page of the very host is let in, and the service sees its origin", async () => {
      const { headers } = await inspectUpgrade(browser, { headers: [["Origin", browser.base.origin]] });
      expect(valueOf(headers, "origin")).toBe(browser.base.origin);
    });

    it.each<[string, (base: URL) => string | undefined]>([
      ["a foreign site", () => "https://elsewhere.example"],
      ["null", () => "null"],
      ["nothing", () => undefined],
      ["another port of the host", (base) => `${base.protocol}//${base.hostname}:1`],
      ["the same host without its port", (base) => `${base.protocol}//${base.hostname}`],
      ["the other scheme", (base) => `${base.protocol === "http:" ? "https" : "http"}://${base.host}`],
      ["a sibling: the console's host", () => stage.exposed.base.origin],
      ["a sibling: another subdomain", (base) => `${base.protocol}//other.${base.host}`],
      ["a name that only begins like ours", (base) => `${base.protocol}//${base.host}.elsewhere.example`],
      ["a name that only ends like ours", (base) => `${base.protocol}//not${base.host}`],
    ])("a cookie with the Origin of %s is refused", async (_who, originOf) => {
      const origin = originOf(browser.base);
      // Where applications have no host of their own, the console's pages are of the same origin.
      if (origin === browser.base.origin) return;
      const answer = await upgradeAnswer(browser, {
        path: "/ws/echo",
        headers: origin === undefined ? [] : [["Origin", origin]],
      });
      expect(answer.status).toBe(403);
    });

    it.each(["https://elsewhere.example", "null"])(
      "the token, which no page sends by itself, is let in with the Origin %s",
      async (origin) => {
        await using connection = await begin(stage.exposed, {
          path: "/ws/echo",
          headers: [...handshake(), ["Origin", origin]],
        });
        expect((await connection.finalHead()).status).toBe(101);
      },
    );

    it.each(["https://elsewhere.example", "null"])(
      "a cookie that comes with a foreign page's POST (%s) is refused",
      async (origin) => {
        const answer = await exchange(browser, { method: "POST", body: "", headers: [["Origin", origin]] });
        expect(answer.status).toBe(403);
      },
    );

    it("a page of the very host may POST", async () => {
      const headers = [["Origin", browser.base.origin]] as const;
      expect((await inspect(browser, { method: "POST", body: "x", headers })).body.length).toBe(1);
    });
  });
}
