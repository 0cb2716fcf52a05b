import { createCipheriv, createHash } from "node:crypto";

const PIECE = 65_536;
const ZEROES = Buffer.alloc(PIECE);

/**
 * Bytes that no proxy can guess, repeat, compress or swap unnoticed: an AES-CTR key stream named by `seed`, in pieces
 * of 64 KiB.
 */
export function* payload(seed: string, length: number): Generator<Buffer, void> {
  const key = createHash("sha256").update(seed).digest();
  const stream = createCipheriv("aes-128-ctr", key.subarray(0, 16), key.subarray(16));
  for (let missing = length; missing > 0; missing -= PIECE)
    yield stream.update(ZEROES.subarray(0, Math.min(PIECE, missing)));
}

/** The SHA-256 of `payload(seed, length)`, in hex. */
export function payloadHash(seed: string, length: number): string {
  const hash = createHash("sha256");
  for (const piece of payload(seed, length)) hash.update(piece);
  return hash.digest("hex");
}
