import { createSecretKey } from "node:crypto";

/** Where ssh2's AES-GCM keeps what it hands to createCipheriv and createDecipheriv, with every packet anew. */
const PLACES = [
  ["_cipher", "_encKey"],
  ["_decipher", "_decipherKey"],
] as const;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/**
 * Has a connection of ssh2's, client or server, keep its keys as KeyObjects, to be called at every `handshake`. Given a
 * buffer, Node 24 asks whether it is a KeyObject and whether it is a CryptoKey, and each no is an exception inside:
 * 34 µs a packet, as much as the deciphering itself. Without the fields, as in another version, nothing changes.
 */
export function keepKeyObjects(connection: object): void {
  const protocol: unknown = "_protocol" in connection ? connection._protocol : undefined;
  if (!isObject(protocol)) return;
  for (const [place, name] of PLACES) {
    const cipher = protocol[place];
    if (isObject(cipher) && Buffer.isBuffer(cipher[name])) cipher[name] = createSecretKey(cipher[name]);
  }
}
