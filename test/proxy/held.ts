/** How much streams that nobody reads may hold, for HTTP and WebSocket alike. */

const MIB = 1_048_576;

/** A stream long enough that holding all of it would show. */
export const STREAM_SIZE = 96 * MIB;

/** What the sockets' buffers of three hops and the proxy itself may hold of it; the kernel grows them as it likes. */
export const HELD_LIMIT = 48 * MIB;

/** Nothing has moved for so long: whoever sends is being held. Milliseconds. */
export const STILL_MS = 750;
