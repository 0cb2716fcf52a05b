import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { asset, ASSETS_VERSION } from "../../functions/asset-files.ts";
import { assetRoutes } from "../../functions/routes/assets.ts";

const app = new Hono().route("/assets", assetRoutes());

describe("an asset", () => {
  it("is kept by the browser for as long as its address stands", async () => {
    const answer = await app.request(asset("console.js"));
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("of another version is what there is now, and is not kept", async () => {
    const answer = await app.request("/assets/0000000000000000/berth.css");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  it.each(["nothing.js", "toString", "__proto__", "..%2fapp.ts"])("named %s is not there", async (name) => {
    expect((await app.request(`/assets/${ASSETS_VERSION}/${name}`)).status).toBe(404);
  });

  it.each(["console.js", "session.js"] as const)(
    "%s has all the modules that it imports beside it",
    async (entry) => {
      const seen = new Set<string>();
      const visit = async (name: string): Promise<void> => {
        if (seen.has(name)) return;
        seen.add(name);
        const answer = await app.request(`/assets/${ASSETS_VERSION}/${name}`);
        expect([name, answer.status]).toEqual([name, 200]);
        for (const [, imported = ""] of (await answer.text()).matchAll(/ from "\.\/([^"]+)"/g))
          await visit(imported);
      };
      await visit(entry);
      expect(seen.size).toBeGreaterThan(2);
    },
  );

  it("asks no other host for anything", async () => {
    const css = await (await app.request(asset("berth.css"))).text();
    expect(css.length).toBeGreaterThan(10_000);
    expect(css).not.toMatch(/url\(|@import/);
    expect(css).toContain("prefers-reduced-motion");
  });
});
