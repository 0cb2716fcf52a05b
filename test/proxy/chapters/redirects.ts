import { describe, expect, it } from "vitest";
import { valuesOf } from "../../support/raw-http.ts";
import { answerPath, exchange, prefixOf, upgradeAnswer } from "../client.ts";
import type { Stage } from "../stage.ts";

/** Places that are the service's own root, whatever it calls itself: path behind the root. */
const OWN_HOSTS = [
  "http://{host}",
  "https://{host}",
  "http://127.0.0.1:{port}",
  "http://localhost:{port}",
  "HTTP://LOCALHOST:{port}",
];

/** Places that are not: the browser is to be sent there and nowhere else. */
const FOREIGN = [
  "https://elsewhere.example/oauth?redirect=/x&state=a%2Fb#frag",
  "http://elsewhere.example",
  "//elsewhere.example/x",
  "https://localhost.elsewhere.example/x",
  "http://localhost:{port}@elsewhere.example/x",
  "http://other.{host}/",
  "http://elsewhere.example:{port}/x",
  "http://127.0.0.1:1/x",
];

export function describeRedirects(stage: Stage): void {
  const redirected = async (location: string, status = 302): Promise<string> => {
    const answer = await exchange(stage.exposed, {
      path: answerPath({ status, headers: [["Location", location]] }),
    });
    expect(answer.status).toBe(status);
    const locations = valuesOf(answer.headers, "location");
    expect(locations).toHaveLength(1);
    return locations[0] ?? "";
  };
  /** Where a browser goes. */
  const landing = async (location: string): Promise<string> =>
    new URL(await redirected(location), new URL(`${stage.exposed.base.href}/answer`)).href;
  /** Where the service's `path` is for a browser. */
  const place = (path: string): string => `${stage.exposed.base.origin}${prefixOf(stage.exposed)}${path}`;
  /** What a service calls `path`: itself, or behind the base path that it was told. */
  const own = (path: string): string => (stage.strip ? path : `{prefix}${path}`);

  describe("redirects", () => {
    it.each([301, 302, 303, 307, 308, 201])(
      "a %i to a path of the service leads to the session's",
      async (status) => {
        expect(new URL(await redirected(own("/lab?x=1#y"), status), stage.exposed.base).href).toBe(
          place("/lab?x=1#y"),
        );
      },
    );

    it.each(["lab", "lab/tree?x=1", "./lab", "?x=1", "#top", "a%2Fb", "x:y/z"])(
      "the relative %j is left as it is",
      async (location) => {
        expect(await redirected(location)).toBe(location);
      },
    );

    it("a redirect up the tree is left to the browser", async () => {
      expect(await redirected("../lab")).toBe("../lab");
    });

    it.each(OWN_HOSTS)("an absolute one to %s leads to the session", async (host) => {
      expect(await landing(`${host}${own("/lab?x=%2F&y=@#z")}`)).toBe(place("/lab?x=%2F&y=@#z"));
      if (stage.strip) expect((await landing(host)).replace(/\/$/, "")).toBe(place(""));
    });

    it("the bytes of a redirect's path stay as they are", async () => {
      for (const path of ["/a%2Fb/%40", "/a b", "/a+b;c=d", "/%E2%82%AC?q=%zz", "/x//y"])
        expect((await redirected(own(path))).endsWith(path)).toBe(true);
    });

    it("a path that has the prefix already does not get it twice", async () => {
      expect(await landing(`${prefixOf(stage.exposed)}/lab`)).toBe(place("/lab"));
      expect(await landing(`http://{host}${prefixOf(stage.exposed)}/lab`)).toBe(place("/lab"));
      expect((await landing(prefixOf(stage.exposed))).replace(/\/$/, "")).toBe(place(""));
    });

    it("a path that only begins like the prefix is not taken for it", async () => {
      if (!stage.strip) return;
      const lookalike = `${prefixOf(stage.exposed)}9/lab`;
      expect(await landing(lookalike)).toBe(place(lookalike));
    });

    it.each(FOREIGN)("a redirect to %s leads there", async (location) => {
      const filled = location
        .replaceAll("{host}", stage.exposed.base.host)
        .replaceAll("{port}", String(stage.exposed.port));
      expect(await landing(location)).toBe(new URL(filled, stage.exposed.base).href);
    });

    it.each([
      "/\\elsewhere.example/x",
      "\\\\elsewhere.example/x",
      "/\t/elsewhere.example",
      "///elsewhere.example/x",
    ])("%j does not become an address of ours that leads elsewhere", async (location) => {
      const url = new URL(await landing(location));
      // Foreign as the service said it, or under the session: but not anywhere else of ours.
      if (url.host === stage.exposed.base.host)
        expect(url.pathname.startsWith(prefixOf(stage.exposed))).toBe(true);
      else expect(url.host).toBe("elsewhere.example");
    });

    it.each(["javascript:alert(1)", "data:text/html,x", "mailto:a@b.example", "vscode://open"])(
      "%s is left as it is",
      async (location) => {
        expect(await redirected(location)).toBe(location);
      },
    );

    it("Content-Location is mapped as Location is", async () => {
      const answer = await exchange(stage.exposed, {
        path: answerPath({ headers: [["Content-Location", own("/lab")]] }),
      });
      const [location = ""] = valuesOf(answer.headers, "content-location");
      expect(new URL(location, stage.exposed.base).href).toBe(place("/lab"));
    });

    it("Refresh is mapped as Location is", async () => {
      const answer = await exchange(stage.exposed, {
        path: answerPath({ headers: [["Refresh", `5; url=${own("/lab")}`]] }),
      });
      const [refresh = ""] = valuesOf(answer.headers, "refresh");
      expect(refresh).toMatch(/^5;\s*url=/i);
      expect(new URL(refresh.replace(/^.*url=/i, ""), stage.exposed.base).href).toBe(place("/lab"));
    });

    it("a redirect of an upgrade is mapped too", async () => {
      const location = `${stage.strip ? "" : prefixOf(stage.exposed)}/login`;
      const answer = await upgradeAnswer(stage.exposed, {
        path: `/ws/refuse?status=302&location=${encodeURIComponent(location)}`,
      });
      expect(answer.status).toBe(302);
      expect(new URL(valuesOf(answer.headers, "location")[0] ?? "", stage.exposed.base).href).toBe(
        place("/login"),
      );
    });

    it("the session's address without its slash leads to the one with it", async () => {
      const answer = await exchange(stage.exposed, { path: "" });
      if (answer.status === 200) return;
      expect([301, 302, 307, 308]).toContain(answer.status);
      expect(new URL(valuesOf(answer.headers, "location")[0] ?? "", stage.exposed.base).href).toBe(
        place("/"),
      );
      const withQuery = await exchange(stage.exposed, { path: "?a=%40" });
      if (withQuery.status !== 200)
        expect(new URL(valuesOf(withQuery.headers, "location")[0] ?? "", stage.exposed.base).href).toBe(
          place("/?a=%40"),
        );
    });
  });
}
