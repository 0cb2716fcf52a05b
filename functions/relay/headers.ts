import { addressOf } from "../auth/address.ts";
import type { Origin } from "../origin.ts";
import { confine } from "./confine.ts";
import { type HeaderList, valueOf } from "./header-list.ts";
import type { ProxyPath } from "./path.ts";

/** Meant for one connection only (RFC 9110, section 7.6.1), or set anew by whoever sends the message on. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "expect",
];

/** What a proxy tells and a client may not: dropped in every spelling, then rebuilt. */
const PROXY_TOLD =
  /^(?:x[-_]forwarded(?:[-_].*)?|forwarded|x[-_]real[-_]ip|true[-_]client[-_]ip|cf[-_].*|cdn[-_]loop|x[-_]berth[-_].*|berth[-_].*)$/;

/** Each WebSocket hop makes its own handshake; only the subprotocols go through. */
const HANDSHAKE = [
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-extensions",
  "sec-websocket-accept",
];

const OF_ONE_HOP: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...HANDSHAKE]);

/** These speak for the whole host, which a service may share with every other session. */
const HOST_WIDE = new Set([
  "accept-ch",
  "alt-svc",
  "clear-site-data",
  "critical-ch",
  "nel",
  "origin-agent-cluster",
  "public-key-pins",
  "report-to",
  "sec-session-registration",
  "secure-session-registration",
  "set-login",
  "strict-transport-security",
  "use-as-dictionary",
]);

/** These are for a cache or a server in front: an application is not to steer what stands before Berth. */
const FOR_A_FRONT =
  /^(?:x-accel-.*|x-sendfile|x-lighttpd-send-?file|x-reproxy-url|surrogate-.*|edge-(?:control|cache-tag)|(?:[\w-]+-)?cdn-cache-control|cache-tag)$/;

/** Every name that begins as ours do is ours: no application sees such a cookie, or sets one. */
const OUR_COOKIES = /^(?:__(?:Host|Host-Http|Http|Secure)-)?berth(?:_\w*)?$/i;

const NONE: ReadonlySet<string> = new Set();

/** The names in a `Connection` header, beyond the one that is of the connection anyhow. */
const namedBy = (connection: string): ReadonlySet<string> =>
  connection === "" || connection === "keep-alive"
    ? NONE
    : new Set(connection.split(",").map((name) => name.trim().toLowerCase()));

/** Pairs end at `;`, and ours begin also at the comma by which several Cookie headers are joined (RFC 9110, section 5.3). */
const BETWEEN_COOKIES = /;|,(?=\s*(?:__(?:Host|Host-Http|Http|Secure)-)?berth(?:_\w*)?\s*(?:[=;,]|$))/i;

/**
 * A Cookie header without Berth's own cookies, or the access proxy's; empty when nothing is left.
 * @param proxy.identity what also no cookie may hold
 * @param proxy.proxyOwn what also no cookie may be called
 */
export function withoutOurCookies(
  cookie: string,
  { identity, proxyOwn }: { identity?: string | undefined; proxyOwn?: RegExp | undefined } = {},
): string {
  return cookie
    .split(cookie.includes(",") ? BETWEEN_COOKIES : ";")
    .map((pair) => pair.trim())
    .filter((pair) => {
      const name = pair.split("=", 1)[0]?.trim() ?? "";
      return pair !== "" && !OUR_COOKIES.test(name) && proxyOwn?.test(name) !== true;
    })
    .filter((pair) => identity === undefined || !pair.includes(identity))
    .join("; ");
}

/**
 * The headers that the service gets: without those of the connection, of Berth, or of a client that plays the proxy;
 * with the proxy's own rebuilt. The service sees the browser's `Host`, so that its own URLs and Origin checks fit.
 * @param options.isOurToken tells whether an `Authorization` value is Berth's, which no service may see
 * @param options.identity the access proxy's word for who asks: it is in its header, and some set it as a cookie, too
 * @param options.proxyOwn the names of the access proxy's own cookies and headers
 */
export function requestHeaders(
  request: Request,
  path: ProxyPath,
  options: {
    url: Origin;
    stripPrefix: boolean;
    isOurToken: (authorization: string) => boolean;
    identity?: string | undefined;
    proxyOwn?: RegExp | undefined;
  },
): HeaderList {
  const { url, identity, proxyOwn } = options;
  const sent: HeaderList = [];
  request.headers.forEach((value, name) => sent.push([name, value]));
  const named = namedBy(valueOf(sent, "connection") ?? "");
  const list: HeaderList = [];
  for (const [name, value] of sent) {
    if (OF_ONE_HOP.has(name) || named.has(name) || PROXY_TOLD.test(name)) continue;
    if (name === "host" || proxyOwn?.test(name) === true) continue;
    if (name === "authorization" && options.isOurToken(value)) continue;
    const kept = name === "cookie" ? withoutOurCookies(value, { identity, proxyOwn }) : value;
    if (identity !== undefined && kept.includes(identity)) continue;
    if (name !== "cookie" || kept !== "") list.push([name, kept]);
  }
  const host = valueOf(sent, "host") ?? url.host;
  const secure = url.protocol === "https:";
  list.push(["host", host], ["x-forwarded-host", host], ["x-forwarded-proto", secure ? "https" : "http"]);
  list.push(["x-forwarded-port", url.port === "" ? (secure ? "443" : "80") : url.port]);
  list.push(["x-forwarded-for", addressOf(request) ?? "127.0.0.1"]);
  if (options.stripPrefix) list.push(["x-forwarded-prefix", path.prefix]);
  return list;
}

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Maps a redirect back behind the prefix. Relative ones and foreign hosts stay as they are: a service may send its
 * user elsewhere, but never by an address that only looks local.
 */
export function mapLocation(location: string, path: ProxyPath, host: string, stripPrefix: boolean): string {
  if (/^[/\\]{2}/.test(location)) return location;
  if (location.startsWith("/")) return behindPrefix(location, path, stripPrefix);
  if (!/^https?:\/\//i.test(location) || !URL.canParse(location)) return location;
  const url = new URL(location);
  const isOwn = url.host === host || (LOOPBACK.has(url.hostname) && url.port === String(path.port));
  if (!isOwn) return location;
  const afterHost = /^https?:\/\/[^/?#]*(.*)$/is.exec(location)?.[1] ?? "";
  return behindPrefix(afterHost.startsWith("/") ? afterHost : `/${afterHost}`, path, stripPrefix);
}

/**
 * A service that strips may still know its prefix, from X-Forwarded-Prefix, or from its script, which is told the owner's:
 * then it stands there once already, and for a guest leads to the same session.
 */
function isBehind(target: string, { prefix, scheme, port }: ProxyPath): boolean {
  return [prefix, `/${scheme}/${port}`].some(
    (known) => target.startsWith(known) && /^(?:[/?#]|$)/.test(target.slice(known.length)),
  );
}

const behindPrefix = (target: string, path: ProxyPath, stripPrefix: boolean): string =>
  isBehind(target, path) || !stripPrefix ? target : path.prefix + target;

/** A `Set-Cookie` confined to the session: no `Domain`, a `Path` under the prefix. Undefined for a name of ours. */
export function confineCookie(cookie: string, path: ProxyPath, stripPrefix: boolean): string | undefined {
  const [pair = "", ...attributes] = cookie.split(";");
  // A cookie without a name is sent back as its value alone, which may read `berth=…` (RFC 6265bis, section 5.8.3).
  const name =
    pair
      .replace(/^[\s=]+/, "")
      .split("=", 1)[0]
      ?.trim() ?? "";
  // `__Host-` demands `Path=/`, which no service behind a prefix can have: the browser would refuse the cookie.
  if (OUR_COOKIES.test(name)) return undefined;
  const kept: string[] = [];
  let scope = "/";
  for (const attribute of attributes) {
    const [key = "", value = ""] = attribute.split("=", 2).map((part) => part.trim());
    if (key.toLowerCase() === "path") scope = value.startsWith("/") ? value : "/";
    else if (key.toLowerCase() !== "domain") kept.push(attribute.trim());
  }
  const confined = isBehind(scope, path) ? scope : stripPrefix ? path.prefix + scope : `${path.prefix}/`;
  return [pair.trim(), ...kept, `Path=${confined}`].join("; ");
}

const WORKER_SCOPE = "service-worker-allowed";

/** What the browser gets of a header, by its name in lower case; undefined for nothing of it. */
function mapped(
  [name, value]: HeaderList[number],
  path: ProxyPath,
  host: string,
  stripPrefix: boolean,
): string | undefined {
  switch (name) {
    case "location":
    case "content-location":
      return mapLocation(value, path, host, stripPrefix);
    case "refresh":
      return mapRefresh(value, path, host, stripPrefix);
    case "set-cookie":
      return confineCookie(value, path, stripPrefix);
    case WORKER_SCOPE:
      // A service may let its worker rule all of its own pages (VS Code does), and no other session's.
      return `${path.prefix}/`;
    default:
      return HOST_WIDE.has(name) || FOR_A_FRONT.test(name) ? undefined : value;
  }
}

/** The headers that the browser gets, names in lower case: hop-by-hop ones dropped, redirects and cookies mapped behind the prefix. */
export function responseHeaders(
  answer: HeaderList,
  path: ProxyPath,
  host: string,
  stripPrefix: boolean,
): HeaderList {
  const connection = answer.filter(([name]) => name.toLowerCase() === "connection");
  const named = namedBy(connection.map(([, value]) => value).join(","));
  const headers: HeaderList = [];
  for (const [given, value] of answer) {
    const name = given.toLowerCase();
    if (OF_ONE_HOP.has(name) || named.has(name) || name.startsWith("berth-")) continue;
    // Twice the same path would be none.
    if (name === WORKER_SCOPE && headers.some(([each]) => each === name)) continue;
    const passed = mapped([name, value], path, host, stripPrefix);
    if (passed !== undefined) headers.push([name, passed]);
  }
  return confine(headers);
}

function mapRefresh(value: string, path: ProxyPath, host: string, stripPrefix: boolean): string {
  const [, head = "", url] = /^(\s*\d+\s*[;,]\s*url\s*=\s*)["']?([^"']*)["']?\s*$/i.exec(value) ?? [];
  return url === undefined ? value : head + mapLocation(url, path, host, stripPrefix);
}
