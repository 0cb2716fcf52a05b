import type { BerthError } from "../contract/problem.ts";

/** The one place where an error becomes a response (RFC 9457). */
export function problemResponse(error: BerthError): Response {
  const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
  if (error.status === 401) headers.set("www-authenticate", 'Bearer realm="berth"');
  const retryAfter = error.retryAfter ?? (error.status === 503 ? 1 : undefined);
  if (retryAfter !== undefined) headers.set("retry-after", String(retryAfter));
  return new Response(JSON.stringify(error.problem), { status: error.status, headers });
}
