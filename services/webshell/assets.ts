import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";

/** Where each path of the page comes from: beside this file, or from the installed package. */
const FILES: Record<string, { url: string; type: string }> = {
  "/": { url: import.meta.resolve("./page/page.html"), type: "text/html" },
  "/page.css": { url: import.meta.resolve("./page/page.css"), type: "text/css" },
  "/page.js": { url: import.meta.resolve("./page/page.js"), type: "text/javascript" },
  "/connection.js": { url: import.meta.resolve("./page/connection.js"), type: "text/javascript" },
  "/theme.js": { url: import.meta.resolve("./page/theme.js"), type: "text/javascript" },
  "/icon.svg": { url: import.meta.resolve("./icon.svg"), type: "image/svg+xml" },
  "/xterm.css": { url: import.meta.resolve("@xterm/xterm/css/xterm.css"), type: "text/css" },
  "/xterm.mjs": { url: import.meta.resolve("@xterm/xterm/lib/xterm.mjs"), type: "text/javascript" },
  "/addon-fit.mjs": {
    url: import.meta.resolve("@xterm/addon-fit/lib/addon-fit.mjs"),
    type: "text/javascript",
  },
};

const HEADERS = {
  // xterm.js makes its own style elements; nothing else is inline, and nothing is from elsewhere.
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // A new version is seen at the next load; until then the answer is 304.
  "cache-control": "no-cache",
} as const;

type Asset = { body: Buffer; etag: string };
const assets = new Map<string, Asset>();

function read(url: string): Asset {
  const known = assets.get(url);
  if (known !== undefined) return known;
  const body = readFileSync(fileURLToPath(url));
  const asset = { body, etag: `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"` };
  assets.set(url, asset);
  return asset;
}

/** Answers a request for the page or one of its parts. */
export function serve(request: IncomingMessage, response: ServerResponse): void {
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (file === undefined) return void response.writeHead(404, HEADERS).end("Not found\n");
  if (request.method !== "GET" && request.method !== "HEAD")
    return void response.writeHead(405, { ...HEADERS, allow: "GET, HEAD" }).end();
  const { body, etag } = read(file.url);
  if (request.headers["if-none-match"] === etag)
    return void response.writeHead(304, { ...HEADERS, etag }).end();
  response.writeHead(200, {
    ...HEADERS,
    etag,
    "content-type": `${file.type}; charset=utf-8`,
    "content-length": body.length,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}
