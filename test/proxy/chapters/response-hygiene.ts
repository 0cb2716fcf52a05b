import { describe, expect, it } from "vitest";
import { valueOf, valuesOf } from "../../support/raw-http.ts";
import { handshake } from "../../support/raw-websocket.ts";
import { answerPath, begin, exchange, prefixOf } from "../client.ts";
import type { Stage } from "../stage.ts";

type Parsed = { pair: string; path: string | undefined; attributes: string[] };

/** As a browser reads it: of attributes that repeat, the last one counts (RFC 6265, 5.3). */
function parseCookie(text: string): Parsed {
  const [pair = "", ...attributes] = text.split(";").map((part) => part.trim());
  const paths = attributes.filter((attribute) => /^path\s*=/i.test(attribute));
  return { pair, path: paths.at(-1)?.replace(/^path\s*=\s*/i, ""), attributes };
}

export function describeResponseHygiene(stage: Stage): void {
  const cookiesOf = async (...cookies: string[]): Promise<Parsed[]> => {
    const headers = cookies.map((cookie): [string, string] => ["Set-Cookie", cookie]);
    const answer = await exchange(stage.exposed, { path: answerPath({ headers }) });
    return valuesOf(answer.headers, "set-cookie").map(parseCookie);
  };
  /** Whether a browser that asked for `asked` would send the cookie to the session alone (RFC 6265, 5.1.4). */
  const isConfined = (cookie: Parsed | undefined, asked = "/answer"): boolean => {
    const folder = `${prefixOf(stage.exposed)}${asked}`.replace(/\/[^/]*$/, "");
    const path = cookie?.path?.startsWith("/") === true ? cookie.path : folder;
    return path === prefixOf(stage.exposed) || path.startsWith(`${prefixOf(stage.exposed)}/`);
  };

  describe("cookies of a service", () => {
    it("a cookie for the root is for the session's root", async () => {
      const [cookie] = await cookiesOf("app=1; Path=/; HttpOnly; SameSite=Lax");
      expect(cookie?.pair).toBe("app=1");
      expect(cookie?.path).toBe(`${prefixOf(stage.exposed)}/`);
      expect(cookie?.attributes).toEqual(expect.arrayContaining(["HttpOnly", "SameSite=Lax"]));
    });

    it("a cookie without a path is for the session alone", async () => {
      const [cookie] = await cookiesOf("app=1");
      expect(isConfined(cookie)).toBe(true);
    });

    it.each(["", "/"])(
      "a cookie without a path, set at the session's very root (%j), is for the session alone",
      async (root) => {
        const query = answerPath({ headers: [["Set-Cookie", "app=1"]] }).replace("/answer", "");
        const answer = await exchange(stage.exposed, { path: `${root}${query}` });
        for (const cookie of valuesOf(answer.headers, "set-cookie").map(parseCookie))
          expect(isConfined(cookie, root)).toBe(true);
      },
    );

    it("a cookie for a folder is for that folder of the session", async () => {
      const [cookie] = await cookiesOf("app=1; Path=/lab/tree");
      if (stage.strip) expect(cookie?.path).toBe(`${prefixOf(stage.exposed)}/lab/tree`);
      else expect(isConfined(cookie)).toBe(true);
    });

    it("a cookie that is under the prefix already keeps its path", async () => {
      const path = `${prefixOf(stage.exposed)}/lab`;
      const [cookie] = await cookiesOf(`app=1; Path=${path}`);
      expect(cookie?.path).toBe(path);
    });

    it.each([
      "app=1; path=/",
      "app=1; PATH = /",
      "app=1;Path=/",
      "app=1; Path=/; Path=/me",
      "app=1; Path=/; Path=",
      "app=1; Path=relative",
      'app=1; Path="/"',
      "app=1; Path=/me",
      "app=1; Path=/me/",
      "app=1; Path=//",
      "app=1; Path=/../",
      "app=1; Path=/me/1",
      "app=1; Path={other}",
      "app=1; Path={prefix}9",
      "app=1; Path={prefix}/../",
      "app=1; Domain=localhost; Path=/; Domain=example.com",
    ])("%j is confined to the session", async (text) => {
      const prefix = prefixOf(stage.exposed);
      const spelled = text.replace("{prefix}", prefix).replace("{other}", `/me/${stage.exposed.port - 1}/`);
      const [cookie] = await cookiesOf(spelled);
      expect(cookie?.pair).toBe("app=1");
      expect(isConfined(cookie)).toBe(true);
    });

    it.each(["Domain=localhost", "domain=.example.com", "DOMAIN = sessions.localhost", "Domain=", "Domain"])(
      "a cookie's %s is dropped",
      async (domain) => {
        const [cookie] = await cookiesOf(`app=1; ${domain}; Path=/; Max-Age=60`);
        expect(cookie?.attributes.filter((attribute) => /^domain/i.test(attribute))).toEqual([]);
        expect(cookie?.attributes).toContain("Max-Age=60");
      },
    );

    it("every cookie of several is confined", async () => {
      const cookies = await cookiesOf(
        "a=1; Path=/",
        "b=2; Domain=x.example",
        "c=3; Path=/deep",
        "d=4; Path=/",
      );
      expect(cookies.map(({ pair }) => pair)).toEqual(["a=1", "b=2", "c=3", "d=4"]);
      for (const cookie of cookies) expect(isConfined(cookie)).toBe(true);
    });

    it.each([
      "berth=evil",
      "berth_session=evil",
      "__Host-berth=evil; Secure; Path=/",
      "__Secure-berth=evil; Secure",
      "__Host-berth_session=evil; Secure; Path=/",
      "__Secure-berth_session=evil; Secure",
      "__host-berth=evil",
      " berth =evil",
      "berth=; Max-Age=0",
      // A browser keeps these without a name, and sends their value as if it were name and value.
      "=berth=evil",
      "=berth_session=evil",
      " = berth=evil",
    ])("%j, a cookie of Berth's own name, cannot be set", async (text) => {
      const cookies = await cookiesOf("before=1; Path=/", text, "after=1; Path=/");
      expect(cookies.map(({ pair }) => pair)).toEqual(["before=1", "after=1"]);
    });

    it("cookies set with a WebSocket's answer are confined, or dropped", async () => {
      const path = "/ws/echo?set-cookie=app%3D1;Path%3D/&set-cookie=berth_session%3Devil;Path%3D/";
      await using connection = await begin(stage.exposed, { path, headers: handshake() });
      const head = await connection.finalHead();
      expect(head.status).toBe(101);
      for (const cookie of valuesOf(head.headers, "set-cookie").map(parseCookie)) {
        expect(cookie.pair).toBe("app=1");
        expect(isConfined(cookie, "/ws/echo")).toBe(true);
      }
    });
  });

  describe("answers' hygiene", () => {
    it("headers of the connection, and those it names, end with it", async () => {
      const { headers } = await exchange(stage.exposed, {
        path: answerPath({
          headers: [
            ["Connection", "X-Private, keep-alive"],
            ["X-Private", "1"],
            ["Keep-Alive", "timeout=77"],
            ["Proxy-Authenticate", "Basic"],
            ["Proxy-Connection", "keep-alive"],
            ["Upgrade", "h2c"],
            ["X-Other", "2"],
          ],
        }),
      });
      expect(valueOf(headers, "x-private")).toBeUndefined();
      expect(valueOf(headers, "keep-alive") ?? "").not.toContain("77");
      expect(valueOf(headers, "proxy-authenticate")).toBeUndefined();
      expect(valueOf(headers, "proxy-connection")).toBeUndefined();
      expect(valueOf(headers, "upgrade")).toBeUndefined();
      expect(valueOf(headers, "x-other")).toBe("2");
    });

    it("a service worker is let rule its own session's pages at most", async () => {
      const { headers } = await exchange(stage.exposed, {
        path: answerPath({ headers: [["Service-Worker-Allowed", "/"]] }),
      });
      expect(valueOf(headers, "service-worker-allowed")).toBe(
        `${stage.exposed.base.pathname.replace(/\/$/, "")}/`,
      );
    });

    // Each of these speaks for the whole host, which other sessions share.
    it.each([
      ["Clear-Site-Data", '"*"'],
      ["Strict-Transport-Security", "max-age=31536000; includeSubDomains"],
      ["Alt-Svc", 'h2="elsewhere.example:443"'],
      ["Public-Key-Pins", 'pin-sha256="x"; max-age=1'],
      ["NEL", '{"report_to":"x","max_age":1}'],
      ["Report-To", '{"group":"x","max_age":1,"endpoints":[{"url":"https://elsewhere.example"}]}'],
    ])("a service's %s does not reach the browser", async (name, value) => {
      const { headers } = await exchange(stage.exposed, { path: answerPath({ headers: [[name, value]] }) });
      expect(valueOf(headers, name)).toBeUndefined();
    });
  });
}
