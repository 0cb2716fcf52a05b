/**
 * Where a request came from. Only Cloudflare's own edge, which fills `cf`, says who connected; anywhere else that header is
 * a client's claim.
 */
export const addressOf = (request: Request): string | null =>
  request.cf === undefined ? null : request.headers.get("cf-connecting-ip");

/**
 * What attempts from an address are counted by. Whoever has one address of IPv6 has 2^64 of them (RFC 6177), so that these
 * are one.
 * @param address null: this machine's own
 */
export function networkOf(address: string | null): string {
  if (address === null) return "local";
  if (!address.includes(":")) return address;
  const [front = [], back = []] = address.split("::", 2).map((part) => part.split(":").filter(Boolean));
  const gap = Array.from({ length: Math.max(0, 8 - front.length - back.length) }, () => "0");
  const groups = [...front, ...gap, ...back]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16));
  return `${groups.join(":")}::/64`;
}
