import { describe, expect, it } from "vitest";
import { exchange, inspect, prefixOf } from "../client.ts";
import { SLUG, targetOf, type Stage } from "../stage.ts";

/** Paths that arrive as the very bytes that were sent, although some libraries would "mend" each of them. */
const KEPT = [
  "/",
  "/inspect",
  "/inspect/",
  "/inspect/a@b/%40",
  "/inspect/%2f/%2F/%5c",
  "/inspect/%41%7e~%7E",
  "/inspect/%25/%2525/%zz",
  "/inspect/a+b%2Bc/d%20e",
  "/inspect/a;b=c;d/e,f/(g)/!$&'*=:",
  "/inspect//double///triple//",
  "/inspect/%E2%82%AC/%e2%82%ac",
  "/inspect/%00/%0a/%0D",
  "/inspect/%C0%AE%C0%AE/%ff",
  "/inspect/..%2f..%2fetc",
  "/inspect/...",
  "/inspect/.hidden/..dots",
  "/inspect/[1]/{2}/|/^",
  "/inspect/me/50123/tree",
  "/inspect/%",
  "/inspect/100%/x",
  "/inspect/a%2",
];

const KEPT_QUERIES = [
  "?",
  "?a=1&a=2&b",
  "?a=%40&b=@&c=%2F&d=/",
  "?q=a+b%20c%2Bd",
  "?q=%",
  "?q=%zz%E2%82",
  "?redirect=http://elsewhere.example/x?y=1",
  "?a=b?c=d",
  "?;x=1;y=2",
  "?=&&=",
  "?up=../..&esc=%2e%2e",
  "?[]={}|^`",
];

/** Dot segments, back slashes and what no browser sends raw: a proxy may refuse them, but must not act on them. */
const TRICKY = [
  "/inspect/a/../b",
  "/inspect/./c",
  "/inspect/..",
  "/inspect/%2e%2e/x",
  "/inspect/x/%2E%2e",
  "/inspect/%2e/y",
  "/inspect/.%2e/z",
  "/inspect/a\\b",
  "/inspect/..\\..\\c",
  "/inspect/`/<x>",
];

export function describeTargets(stage: Stage): void {
  describe("targets", () => {
    it("what the user opens joins prefix and slug", async () => {
      const { entry, base } = stage.exposed;
      expect(entry.pathname.startsWith(base.pathname)).toBe(true);
      const { target } = await inspect(stage.exposed, {
        path: `${entry.pathname}${entry.search}`.slice(prefixOf(stage.exposed).length),
      });
      expect(target).toBe(targetOf(stage, `/${SLUG}`));
    });

    it.each(KEPT)("the path %j arrives byte for byte", async (path) => {
      expect((await inspect(stage.exposed, { path })).target).toBe(targetOf(stage, path));
    });

    it.each(KEPT_QUERIES)("the query %j arrives byte for byte", async (query) => {
      const path = `/inspect${query}`;
      expect((await inspect(stage.exposed, { path })).target).toBe(targetOf(stage, path));
    });

    it.each(TRICKY)("the path %j arrives byte for byte, or is refused", async (path) => {
      const answer = await exchange(stage.exposed, { path });
      if (answer.status !== 200) expect([400, 404]).toContain(answer.status);
      else expect(JSON.parse(answer.body.toString())).toMatchObject({ target: targetOf(stage, path) });
    });

    it("a query right behind the root is the root's", async () => {
      expect((await inspect(stage.exposed, { path: "/?a=b" })).target).toBe(targetOf(stage, "/?a=b"));
    });

    it("a path of 8 KiB arrives whole", async () => {
      const path = `/inspect/${"long-".repeat(1_638)}`;
      expect((await inspect(stage.exposed, { path })).target).toBe(targetOf(stage, path));
    });

    it("raw bytes beyond ASCII arrive as they are, or encoded, or are refused", async () => {
      const answer = await exchange(stage.exposed, { path: "/inspect/\xe2\x82\xac" });
      const spelled = ["/inspect/\xe2\x82\xac", "/inspect/%E2%82%AC"].map((path) => targetOf(stage, path));
      if (answer.status === 200)
        expect(spelled).toContain((JSON.parse(answer.body.toString()) as { target: string }).target);
      else expect([400, 502]).toContain(answer.status);
    });
  });
}
