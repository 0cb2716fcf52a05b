/**
 * Where a request came from. Only Cloudflare's own edge, which fills `cf`, says who connected; anywhere else that header is
 * a client's claim.
 */
export const addressOf = (request: Request): string | null =>
  request.cf === undefined ? null : request.headers.get("cf-connecting-ip");
