/** Where a request came to, as `URL` spells it. */
export type Origin = Readonly<Pick<URL, "protocol" | "host" | "port" | "origin">>;

/** What needs none of the rules by which `new URL` reads an authority (WHATWG URL, section 4.4). */
const PLAIN = /^(https?:)\/\/([a-z0-9][a-z0-9.-]*?)(?::([1-9][0-9]{0,4}))?(?=[/?#]|$)/;
const DEFAULT_PORT: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };
/** A host that ends in a number is an address of IPv4 in any of its spellings. */
const MAY_BE_NUMERIC = /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/;

/** Origins that were read before, by the start of the address: an edge has few, and a client may name many. */
const known = new Map<string, Origin>();
const KEPT = 256;
/** A part of a string keeps the whole of it in memory. Characters. */
const LONGEST = 2048;

/**
 * Reads a request's origin. The proxy does it for every request, and each `URL` is an object of the runtime's own, which
 * its collector must finalise: at thousands a second that is felt as pauses (bench/README.md).
 */
export function originOf(address: string): Origin {
  const end = address.indexOf("/", "https://".length);
  if (end === -1 || address.length > LONGEST) return readOrigin(address);
  const start = address.slice(0, end);
  const before = known.get(start);
  if (before !== undefined) return before;
  const origin = readOrigin(start);
  if (known.size >= KEPT) known.clear();
  known.set(start, origin);
  return origin;
}

function readOrigin(address: string): Origin {
  const [start, protocol, name, port] = PLAIN.exec(address) ?? [];
  if (start === undefined || protocol === undefined || name === undefined || MAY_BE_NUMERIC.test(name)) {
    const { protocol: ofUrl, host, port: portOfUrl, origin } = new URL(address);
    return { protocol: ofUrl, host, port: portOfUrl, origin };
  }
  const explicit = port === undefined || port === DEFAULT_PORT[protocol] ? "" : port;
  const host = explicit === "" ? name : `${name}:${explicit}`;
  return { protocol, host, port: explicit, origin: `${protocol}//${host}` };
}
