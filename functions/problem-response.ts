import type { BerthError } from "../contract/problem.ts";
import { dataHeaders } from "./security-headers.ts";

/** When another try may succeed (RFC 9110, section 10.2.3). */
export function retryHeader(error: BerthError): Record<string, string> {
  const retryAfter = error.retryAfter ?? (error.status === 503 ? 1 : undefined);
  return retryAfter === undefined ? {} : { "retry-after": String(retryAfter) };
}

/** The one place where an error becomes a response (RFC 9457). */
export function problemResponse(error: BerthError): Response {
  const headers = new Headers({
    ...dataHeaders,
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    ...retryHeader(error),
  });
  if (error.status === 401) headers.set("www-authenticate", 'Bearer realm="berth"');
  return new Response(JSON.stringify(error.problem), { status: error.status, headers });
}
