import { BerthError } from "../contract/problem.ts";
import { rawTarget, TARGET_HEADER } from "./relay/path.ts";

/*
 * A request on its way to the object, where its URL is parsed anew: `..` and `\` would then lead elsewhere than to what
 * was authorised (design 7.9).
 */

function refuseMarked(request: Request): void {
  if (request.headers.has(TARGET_HEADER))
    throw new BerthError("invalid_request", `${TARGET_HEADER} is not for clients`);
}

/** A target that `new URL` reads as it stands: nothing in it is encoded, resolved, rewritten or left out. */
const isPlain = (target: string): boolean =>
  /^\/[\w/.~!$&()*+,;=:@?-]*(?<!\?)$/.test(target) && !/\/\.{1,2}(?=[/?]|$)/.test(target);

/**
 * For an application, which gets every target: the bytes that were sent go along.
 * @throws BerthError `invalid_request` when the client plays the edge
 */
export function withTarget(request: Request): Request {
  refuseMarked(request);
  const target = rawTarget(request.url);
  if (isPlain(target)) return request;
  const { pathname, search } = new URL(request.url);
  if (target === pathname + search) return request;
  const marked = new Request(request);
  marked.headers.set(TARGET_HEADER, target);
  return marked;
}

/**
 * For a route of Berth's own, none of which has such a path.
 * @throws BerthError `not_found`; `invalid_request` when the client plays the edge
 */
export function withPlainPath(request: Request): Request {
  refuseMarked(request);
  const { pathname } = new URL(request.url);
  const [path] = rawTarget(request.url).split("?", 1);
  if (path !== pathname) throw new BerthError("not_found", "nothing is at a path that leads elsewhere");
  return request;
}
