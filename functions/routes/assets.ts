import { Hono } from "hono";
import { ASSETS_VERSION, assetFile } from "../asset-files.ts";

const FOREVER = "public, max-age=31536000, immutable";

/**
 * Styles, scripts and the icon of Berth's own pages, mounted at `/assets`: the same on both hosts, for everybody, with
 * nothing secret in them.
 */
export function assetRoutes(): Hono {
  const assets = new Hono();
  assets.get("/:version/:name", (c) => {
    const file = assetFile(c.req.param("name"));
    if (file === undefined) return c.notFound();
    // A page of another version asks by its own address: it gets what there is, and nobody keeps it.
    const cache = c.req.param("version") === ASSETS_VERSION ? FOREVER : "no-store";
    return c.body(file.text, 200, {
      "content-type": file.type,
      "cache-control": cache,
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
    });
  });
  return assets;
}
