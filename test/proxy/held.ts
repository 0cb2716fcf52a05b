/** How much of a stream that nobody reads may be on its way, for HTTP and WebSocket alike. */
import { readFileSync } from "node:fs";

const MIB = 1_048_576;

/** The most that the kernel lets one socket's buffer grow to, bytes (tcp(7), `tcp_rmem` and `tcp_wmem`). */
const bufferLimit = (name: "tcp_rmem" | "tcp_wmem"): number =>
  Number(readFileSync(`/proc/sys/net/ipv4/${name}`, "utf8").trim().split(/\s+/)[2]);

/** Service to agent, agent to edge, edge to client. */
const HOPS = 3;
/** What the proxy's own processes may hold of one stream. */
const OWN = 8 * MIB;

export const HELD_LIMIT = HOPS * (bufferLimit("tcp_rmem") + bufferLimit("tcp_wmem")) + OWN;

/** A stream long enough that holding all of it would show. */
export const STREAM_SIZE = Math.max(96 * MIB, Math.ceil(1.25 * HELD_LIMIT));

/** Nothing has moved for so long: whoever sends is being held. Milliseconds. */
export const STILL_MS = 750;
