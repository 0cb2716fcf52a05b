import { readFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";

/** A port that nobody is given until it is disposed of or somebody listens on it on purpose. */
export type HeldPort = Disposable & { readonly port: number };

/** The addresses of loopback, in the order in which they are tried. */
export const LOOPBACK = ["127.0.0.1", "::1"] as const;
export type Family = (typeof LOOPBACK)[number];

const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code));

/**
 * Opens a connection on loopback whose near end is bound to `port` (0: any free one) and returns both ends.
 * The near end is bound and connected but never listens, so that it cannot get in the way of a service's listen.
 */
async function pair(host: Family, port: number): Promise<{ near: Socket; far: Socket }> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<{ near: Socket; far: Socket }>();
  server.once("error", reject);
  server.listen(0, host, () => {
    const address = server.address();
    if (address === null || typeof address === "string") return reject(new Error("no address"));
    const near = connect({ port: address.port, host, localAddress: host, localPort: port });
    const connected = new Promise<void>((done) => near.once("connect", done));
    near.once("error", reject);
    server.on("connection", (far) => {
      // A stranger may connect in the moment the listener is open.
      void connected.then(() => (far.remotePort === near.localPort ? resolve({ near, far }) : far.destroy()));
    });
  });
  try {
    return await promise;
  } finally {
    server.close();
  }
}

/** Holds `port` on one address; ends with a reset, which leaves no TIME_WAIT behind. */
async function holdOn(host: Family, port: number): Promise<HeldPort> {
  const { near, far } = await pair(host, port);
  for (const end of [near, far]) end.on("error", () => end.destroy()).unref();
  return {
    port: near.localPort ?? port,
    [Symbol.dispose]() {
      near.resetAndDestroy();
      far.destroy();
    },
  };
}

/**
 * Holds a free port of the loopback addresses for a service that is about to listen on it.
 *
 * There is no moment at which the port is free: a connection of ours stays open on it, and while it does, the kernel
 * gives the port neither to a `bind(0)` nor to an outgoing connection. A socket that asks for this very port with
 * SO_REUSEADDR may bind it and listen nevertheless, because no socket of ours listens (Linux,
 * `inet_csk_bind_conflict`). Servers set SO_REUSEADDR as a matter of course, or they could not restart within a minute:
 * libuv (Node, R's httpuv), CPython's `socketserver`, asyncio and tornado, nginx, Java, Go, Rust, boost, libwebsockets.
 * One that does not gets EADDRINUSE. It is refused on purpose: to let go of the port before the service listens would
 * bring back for all the race that this is here to prevent.
 *
 * A local user can still ask for the number explicitly and listen first; `listenerOwner` finds that out.
 *
 * @param port a port that was held before, to be held again; without it any free one
 * @throws Error with code EADDRINUSE when `port` was given and somebody listens on it
 */
export async function holdPort(port = 0): Promise<HeldPort> {
  const four = await holdOn("127.0.0.1", port);
  try {
    // A stranger on [::1] would keep a service from listening on the wildcard address.
    const six = await holdOn("::1", four.port);
    return {
      port: four.port,
      [Symbol.dispose]() {
        six[Symbol.dispose]();
        four[Symbol.dispose]();
      },
    };
  } catch (error) {
    if (hasCode(error, "EADDRNOTAVAIL", "EAFNOSUPPORT")) return four;
    four[Symbol.dispose]();
    if (port === 0 && hasCode(error, "EADDRINUSE")) return await holdPort();
    throw error;
  }
}

/** Local addresses as /proc/net/tcp and tcp6 spell them on a little-endian machine, the most specific first. */
const REACHED_BY: Record<Family, readonly string[]> = {
  "127.0.0.1": ["0100007F", "0000000000000000FFFF00000100007F", "00000000", "0".repeat(32)],
  "::1": ["00000000000000000000000001000000", "0".repeat(32)],
};
const LISTEN = "0A";

async function listeners(port: number): Promise<Map<string, number>> {
  const tables = await Promise.all(
    ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "latin1").catch(() => "")),
  );
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const owners = new Map<string, number>();
  for (const line of tables.join("\n").split("\n")) {
    // proc_pid_net(5): sl local_address rem_address st tx:rx tr:tm retrnsmt uid …
    const [, local, , state, , , , uid] = line.trim().split(/\s+/);
    if (state === LISTEN && local?.endsWith(suffix) === true)
      owners.set(local.slice(0, -suffix.length), Number(uid));
  }
  return owners;
}

/**
 * Who listens where a connection to `host` and `port` arrives: the user id of the listener's owner, or undefined when
 * nobody does. Without `host`, on either address.
 */
export async function listenerOwner(port: number, host?: Family): Promise<number | undefined> {
  const owners = await listeners(port);
  const addresses = (host === undefined ? LOOPBACK : [host]).flatMap((family) => REACHED_BY[family]);
  return addresses.map((address) => owners.get(address)).find((uid) => uid !== undefined);
}

/** True when a session may be on this port: unprivileged, and none of Berth's own. */
export const isAllowedPort = (port: number, refused: ReadonlySet<number>): boolean =>
  Number.isInteger(port) && port >= 1024 && port <= 65_535 && !refused.has(port);
