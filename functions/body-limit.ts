import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { BerthError } from "../contract/problem.ts";
import type { AppEnv } from "./env.ts";

/**
 * Refuses a body that is larger than `bytes`, also one that comes in chunks and says nothing of its length; what passes
 * is in memory. A GET may bring a body too (RFC 9110, section 9.3.1): no route reads it, and no `Request` could be made
 * of it again.
 * @throws BerthError `payload_too_large`; `invalid_request` for a body that cannot be read to its end
 */
export function limitBody(bytes: number): MiddlewareHandler<AppEnv> {
  const limited = bodyLimit({
    maxSize: bytes,
    onError: () => {
      throw new BerthError("payload_too_large", `a body may have at most ${bytes} bytes here`);
    },
  });
  return async (c, next) => {
    if (c.req.method === "GET" || c.req.method === "HEAD") return next();
    let isRead = false;
    try {
      return await limited(c, () => {
        isRead = true;
        return next();
      });
    } catch (cause) {
      if (isRead || cause instanceof BerthError) throw cause;
      throw new BerthError("invalid_request", "the body broke off, or is not what its head says", { cause });
    }
  };
}
