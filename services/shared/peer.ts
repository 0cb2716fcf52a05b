import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

/** A table read while it changes may miss a line (proc_pid_net(5) gives no snapshot). */
const ATTEMPTS = 3;
const ESTABLISHED = "01";

/** `127.0.0.1` and 8080 → `0100007F:1F90`, as /proc/net/tcp of a little-endian machine spells it. */
function endpoint(address: string, port: number): string {
  const bytes = address.split(".").map(Number).toReversed();
  return `${Buffer.from(bytes).toString("hex")}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

/**
 * The user id of the process at the other end of a connection that came over IPv4 from this very machine; undefined
 * when it cannot be known, as on a system without /proc/net/tcp.
 *
 * For a connection that its owner has closed, in part or whole, the kernel may show the user id 0, whoever it was: a
 * stranger who sends a request and hangs up at once would be taken for root. There a 0 tells nothing.
 */
export function peerOwner({
  localAddress,
  localPort,
  remoteAddress,
  remotePort,
}: Socket): number | undefined {
  if (localAddress === undefined || localPort === undefined) return undefined;
  if (remoteAddress === undefined || remotePort === undefined) return undefined;
  const theirs = endpoint(remoteAddress, remotePort);
  const ours = endpoint(localAddress, localPort);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const table = readFileSync("/proc/net/tcp", "latin1");
    for (const line of table.split("\n")) {
      // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid …
      const [, local, remote, state, , , , uid] = line.trim().split(/\s+/);
      if (local === theirs && remote === ours && (state === ESTABLISHED || uid !== "0")) return Number(uid);
    }
  }
  return undefined;
}

/**
 * True when the connection comes from a process of the same user, or of root. Every local user of a shared host can
 * reach a port on loopback: this keeps an application that has no password of its own to its owner. One whose owner
 * cannot be found is refused, as when it has hung up already. Tells the log of strangers.
 */
export function isOwnPeer(socket: Socket): boolean {
  if (process.platform !== "linux") return true;
  const owner = peerOwner(socket);
  if (owner === undefined) return false;
  if (owner === 0 || owner === process.getuid?.()) return true;
  console.error(`refused a connection from another user of this host (uid ${owner})`);
  return false;
}
