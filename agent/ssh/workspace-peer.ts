import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import type { Socket } from "node:net";

/** A table read while it changes may miss a line (proc_pid_net(5) gives no snapshot). */
const ATTEMPTS = 3;
/** ::1 as /proc/net/tcp6 of a little-endian machine spells it. */
const LOOPBACK_V6 = "00000000000000000000000001000000";

/** An address and a port as /proc/net/tcp and tcp6 spell them; undefined for an address that loopback has none of. */
function endpoint(address: string | undefined, port: number | undefined): string | undefined {
  if (address === undefined || port === undefined) return undefined;
  const bytes = address.split(".").map(Number).toReversed();
  const host = isIPv4(address) ? Buffer.from(bytes).toString("hex") : LOOPBACK_V6;
  if (host === LOOPBACK_V6 && address !== "::1") return undefined;
  return `${host}:${port.toString(16).padStart(4, "0")}`.toUpperCase();
}

/**
 * The user id of the process at the other end of a connection on loopback; undefined when it cannot be known.
 *
 * For a connection that its owner has closed the kernel may show the user id 0, whoever it was, beside the inode 0 of
 * what has no owner any more: there a 0 tells nothing.
 */
function peerOwner({ localAddress, localPort, remoteAddress, remotePort }: Socket): number | undefined {
  const theirs = endpoint(remoteAddress, remotePort);
  const ours = endpoint(localAddress, localPort);
  if (theirs === undefined || ours === undefined) return undefined;
  const path = remoteAddress === "::1" ? "/proc/net/tcp6" : "/proc/net/tcp";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (const line of readFileSync(path, "latin1").split("\n")) {
      if (!line.includes(theirs)) continue;
      // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
      const [, local, remote, , , , , uid, , inode] = line.trim().split(/\s+/);
      if (local === theirs && remote === ours && (inode !== "0" || uid !== "0")) return Number(uid);
    }
  }
  return undefined;
}

/**
 * True when a connection on loopback comes from a process of the same user, or of root: every local user of a shared
 * host can reach the port. Where nobody can be asked, as on a system without /proc, all are let in.
 */
export function isOwnPeer(socket: Socket): boolean {
  if (process.platform !== "linux") return true;
  const owner = peerOwner(socket);
  return owner === 0 || (owner !== undefined && owner === process.getuid?.());
}
