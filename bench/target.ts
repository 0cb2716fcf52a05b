/** One way to the service: through Berth, through the peer, or straight. */
export type Target = {
  name: Side;
  host: string;
  port: number;
  /** What stands before the service's own paths: `/me/51458`, or nothing. */
  prefix: string;
  headers: Readonly<Record<string, string>>;
};

export type Side = "berth" | "peer" | "direct";

/** The head of a request to the service, as bytes of HTTP/1.1. */
export function requestHead(
  target: Target,
  method: string,
  path: string,
  headers: Record<string, string> = {},
): Buffer {
  const all = { host: `localhost:${target.port}`, ...target.headers, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${target.prefix}${path} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1");
}
