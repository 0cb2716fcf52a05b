import { randomFillSync } from "node:crypto";
import type { Writable } from "node:stream";
import type { WebSocket } from "ws";
import { drained } from "./drained.ts";

/** Bytes of one message of a flood. */
export const FLOOD_MESSAGE = 65_536;
/** Bytes that may wait in the sender before it holds. */
const HELD = 1_048_576;

const MESSAGE = Buffer.alloc(FLOOD_MESSAGE, "f");

/** Resolves once the message is with the kernel. */
function written(socket: WebSocket, message: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(message, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Sends `total` bytes as messages of `FLOOD_MESSAGE`, a multiple of it, no faster than the socket takes them. */
export async function flood(socket: WebSocket, total: number): Promise<void> {
  for (let sent = 0; sent < total; sent += FLOOD_MESSAGE) {
    if (socket.bufferedAmount < HELD) socket.send(MESSAGE);
    else await written(socket, MESSAGE);
  }
}

/**
 * The same from a client, which must mask (RFC 6455, 5.3). Masking in JavaScript takes longer than either proxy
 * does, so one frame is masked beforehand and written to the connection under the WebSocket over and over.
 */
export async function maskedFlood(connection: Writable, total: number): Promise<void> {
  const frame = maskedFrame();
  for (let sent = 0; sent < total && !connection.destroyed; sent += FLOOD_MESSAGE) {
    if (!connection.write(frame) && connection.writableLength >= HELD) await drained(connection);
  }
}

const FIN_BINARY = 0x82;
const MASKED_64_BIT_LENGTH = 0xff;
const HEAD = 14;

function maskedFrame(): Buffer {
  const frame = Buffer.alloc(HEAD + FLOOD_MESSAGE);
  frame[0] = FIN_BINARY;
  frame[1] = MASKED_64_BIT_LENGTH;
  frame.writeBigUInt64BE(BigInt(FLOOD_MESSAGE), 2);
  const mask = randomFillSync(frame.subarray(HEAD - 4, HEAD));
  const text = Buffer.alloc(FLOOD_MESSAGE, mask);
  for (const [index, byte] of MESSAGE.entries()) frame[HEAD + index] = byte ^ (text[index] ?? 0);
  return frame;
}
