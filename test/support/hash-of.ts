import { createHash } from "node:crypto";

/** The SHA-256 of all pieces in a row, in hex. */
export async function hashOf(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}
