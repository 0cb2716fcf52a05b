import type { HtmlEscapedString } from "hono/utils/html";
import { securityHeaders } from "./security-headers.ts";

/** A page of Berth's own outside the console: for this reader, at this moment, never from a cache. */
export async function htmlResponse(
  page: HtmlEscapedString | Promise<HtmlEscapedString>,
  status: number,
  extra: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const html = await page;
  const headers = {
    ...securityHeaders,
    ...extra,
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
  };
  return new Response(`<!doctype html>${html.toString()}`, { status, headers });
}
