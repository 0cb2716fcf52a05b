import { SessionId } from "../../contract/ids.ts";

/**
 * A request for a session's application: `rest` is what follows the prefix, the very bytes that the browser sent. The
 * prefix is `/me/<PORT>` for the session's owner, and for a guest `/s/<session>` where the application knows no other.
 */
export type ProxyPath = { scheme: "me" | "sme"; port: number; prefix: string; rest: string };

/** A guest's request for a shared session, which names the session rather than its port. */
export type SharePath = { session: SessionId; prefix: string; rest: string };

const PROXY_PATH = /^\/(me|sme)\/([1-9][0-9]{3,4})(?=[/?]|$)/;
const SHARE_PATH = /^\/s\/([a-z0-9]+)(?=[/?]|$)/;

/** Carries the target to the object where its URL would not; never taken from a client, never passed to a service. */
export const TARGET_HEADER = "berth-target";

/**
 * The target of a request (RFC 9112, section 3.2.1) as it was sent: path and query, without fragment. `new URL` would
 * resolve `..` and rewrite `\`, so that what is authorised would not be what is forwarded.
 */
export function rawTarget(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start === -1) return "/";
  const end = url.indexOf("#", start);
  return end === -1 ? url.slice(start) : url.slice(start, end);
}

/** Reads `/me/<PORT>…` and `/sme/<PORT>…`; undefined for anything else, such as port 22, 080, 65536 or `80@evil`. */
export function parseProxyPath(target: string): ProxyPath | undefined {
  const [prefix, scheme, digits] = PROXY_PATH.exec(target) ?? [];
  if (prefix === undefined || (scheme !== "me" && scheme !== "sme")) return undefined;
  const port = Number(digits);
  if (port < 1024 || port > 65_535) return undefined;
  return { scheme, port, prefix, rest: target.slice(prefix.length) };
}

/** Reads `/s/<session>…`; undefined for anything else. */
export function parseSharePath(target: string): SharePath | undefined {
  const [prefix, id] = SHARE_PATH.exec(target) ?? [];
  const session = SessionId.safeParse(id).data;
  if (prefix === undefined || session === undefined) return undefined;
  return { session, prefix, rest: target.slice(prefix.length) };
}

/** The path that the service is asked for. Always begins with `/`, as an origin-form target must. */
export function servicePath(path: ProxyPath, stripPrefix: boolean): string {
  const rest = path.rest.startsWith("/") ? path.rest : `/${path.rest}`;
  return stripPrefix ? rest : path.prefix + rest;
}
