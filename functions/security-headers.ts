/** What no page of Berth's asks for, and so no script that got into one could. */
const FEATURES = [
  "accelerometer",
  "bluetooth",
  "camera",
  "display-capture",
  "geolocation",
  "gyroscope",
  "hid",
  "magnetometer",
  "microphone",
  "midi",
  "payment",
  "publickey-credentials-get",
  "serial",
  "usb",
  "xr-spatial-tracking",
];

const COMMON = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
} as const;

/**
 * Sent with every page of Berth's own, never with an application's answers. Scripts and styles come from `/assets`
 * alone; icons of services are images, so that no script in them runs.
 */
export const securityHeaders = {
  ...COMMON,
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  // A process of its own, where the browser can: applications may be of the same site.
  "cross-origin-embedder-policy": "require-corp",
  "origin-agent-cluster": "?1",
  "permissions-policy": FEATURES.map((feature) => `${feature}=()`).join(", "),
} as const;

/** Sent with every answer of Berth's own that is no page: if one were opened as a page, nothing in it would run. */
export const dataHeaders = {
  ...COMMON,
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
} as const;

/** A year (RFC 6797); for this host alone, since its operator may have others below it. */
const STRICT_TRANSPORT = "max-age=31536000";
/** Of one's own machine it would outlast whoever serves there next. */
const IS_DEPLOYED = /^https:\/\/(?!(?:[\w-]+\.)*localhost(?:[:/]|$))/;
/** An agent's: no browser reads them, and they are many. */
const IS_AGENTS = /^https?:\/\/[^/]*\/agent\//;

/**
 * An answer of Berth's own with what it lacks of these. What is stricter stays, and so does what a route says of caches:
 * without a word of its own no cache keeps an answer.
 */
export function withSecurityHeaders(request: Request, response: Response): Response {
  if (response.webSocket !== null || IS_AGENTS.test(request.url)) return response;
  const secured = new Response(response.body, response);
  const { headers } = secured;
  const isPage = headers.get("content-type")?.startsWith("text/html") === true;
  const wanted: Record<string, string> = {
    ...(isPage ? securityHeaders : dataHeaders),
    "cache-control": "no-store",
    ...(IS_DEPLOYED.test(request.url) ? { "strict-transport-security": STRICT_TRANSPORT } : {}),
  };
  for (const [name, value] of Object.entries(wanted)) if (!headers.has(name)) headers.set(name, value);
  return secured;
}
