import { randomBytes } from "node:crypto";
import type { RawConnection } from "./raw-http.ts";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export type RawFrame = { fin: boolean; opcode: number; payload: Buffer };

/** The headers of an opening handshake (RFC 6455, 4.1). */
export const handshake = (): [string, string][] => [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", randomBytes(16).toString("base64")],
];

function length(size: number): Buffer {
  if (size < 126) return Buffer.from([0x80 | size]);
  const wide = Buffer.alloc(size < 65_536 ? 3 : 9);
  wide[0] = 0x80 | (size < 65_536 ? 126 : 127);
  if (size < 65_536) wide.writeUInt16BE(size, 1);
  else wide.writeBigUInt64BE(BigInt(size), 1);
  return wide;
}

/** Spells a client's frame, masked (RFC 6455, 5.2). */
export function clientFrame(opcode: number, payload: string | Uint8Array, fin = true): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload) : Buffer.from(payload);
  const mask = randomBytes(4);
  for (const [index, byte] of bytes.entries()) bytes[index] = byte ^ (mask[index & 3] ?? 0);
  return Buffer.concat([Buffer.from([(fin ? 0x80 : 0) | opcode]), length(bytes.length), mask, bytes]);
}

/** Reads a server's frame. */
export async function readFrame(connection: RawConnection): Promise<RawFrame> {
  const [first = 0, second = 0] = await connection.take(2);
  const short = second & 0x7f;
  const size =
    short < 126
      ? short
      : short === 126
        ? (await connection.take(2)).readUInt16BE()
        : Number((await connection.take(8)).readBigUInt64BE());
  return { fin: (first & 0x80) !== 0, opcode: first & 0x0f, payload: await connection.take(size) };
}
