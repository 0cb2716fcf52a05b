import { dataHeaders } from "./security-headers.ts";

/** Leads a browser on, with cookies for the host that it leaves. What it was on its way with is told to nobody. */
export function redirect(location: string, cookies: readonly string[] = []): Response {
  const headers = new Headers({ ...dataHeaders, location, "cache-control": "no-store" });
  headers.set("referrer-policy", "no-referrer");
  for (const cookie of cookies) headers.append("set-cookie", cookie);
  return new Response(null, { status: 302, headers });
}
