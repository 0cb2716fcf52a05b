import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { SessionId } from "../../contract/ids.ts";

/** The two key pairs of a session's tunnel, as OpenSSH's files spell them. The private ones are secrets. */
export type TunnelKeys = {
  /** The agent's end: its host key, and what the node's `known_hosts` holds of it. */
  hostPrivate: string;
  hostPublic: string;
  /** The node's end: the file `key` in the session's directory, and what the agent admits. */
  clientPrivate: string;
  clientPublic: string;
};

const TYPE = "ssh-ed25519";
/** A cipher's block size, or 8 where nothing is enciphered. */
const BLOCK = 8;

/** A `string` of RFC 4251, section 5: its length, then its bytes. */
function string(content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The numbers 1, 2, 3 … up to the next full block. */
const padding = (length: number): Buffer =>
  Buffer.from(Array.from({ length: (BLOCK - (length % BLOCK)) % BLOCK }, (_, index) => index + 1));

/**
 * An Ed25519 pair in OpenSSH's format, PROTOCOL.key of its sources. Written here because ssh2's own generator loses
 * the leading zeros of a key, which one key in 256 has.
 */
function keyPair(comment: string): { privateKey: string; publicKey: string } {
  const { x = "", d = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const point = Buffer.from(x, "base64url");
  const publicBlob = Buffer.concat([string(TYPE), string(point)]);
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    publicBlob,
    string(Buffer.concat([Buffer.from(d, "base64url"), point])),
    string(comment),
  ]);
  const one = Buffer.from([0, 0, 0, 1]);
  const file = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    string("none"),
    string("none"),
    string(""),
    one,
    string(publicBlob),
    string(Buffer.concat([secret, padding(secret.length)])),
  ]);
  const lines = file.toString("base64").match(/.{1,70}/g) ?? [];
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join("\n")}\n-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `${TYPE} ${publicBlob.toString("base64")} ${comment}`,
  };
}

/** Makes the keys of a session's tunnel, fresh at every call; the session's id is their comment. */
export function makeTunnelKeys(session: SessionId): TunnelKeys {
  const host = keyPair(`berth-${session}`);
  const client = keyPair(session);
  return {
    hostPrivate: host.privateKey,
    hostPublic: host.publicKey,
    clientPrivate: client.privateKey,
    clientPublic: client.publicKey,
  };
}
