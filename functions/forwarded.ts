import { BerthError } from "../contract/problem.ts";
import { rawTarget, TARGET_HEADER } from "./relay/path.ts";

/*
 * A request on its way to the object, where its URL is parsed anew: `..` and `\` would then lead elsewhere than to what
 * was authorised (design 7.9).
 */

/** The raw target where it differs from the parsed one; undefined where it does not. */
function differingTarget(request: Request): string | undefined {
  if (request.headers.has(TARGET_HEADER))
    throw new BerthError("invalid_request", `${TARGET_HEADER} is not for clients`);
  const url = new URL(request.url);
  const target = rawTarget(request.url);
  return target === url.pathname + url.search ? undefined : target;
}

/**
 * For an application, which gets every path: the bytes that were sent go along.
 * @throws BerthError `invalid_request` when the client plays the edge
 */
export function withTarget(request: Request): Request {
  const target = differingTarget(request);
  if (target === undefined) return request;
  const marked = new Request(request);
  marked.headers.set(TARGET_HEADER, target);
  return marked;
}

/**
 * For a route of Berth's own, none of which has such a path.
 * @throws BerthError `not_found`; `invalid_request` when the client plays the edge
 */
export function withPlainTarget(request: Request): Request {
  if (differingTarget(request) !== undefined)
    throw new BerthError("not_found", "nothing is at a path that leads elsewhere");
  return request;
}
