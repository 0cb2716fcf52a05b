import { readFile } from "node:fs/promises";
import ssh2, { type ParsedKey } from "ssh2";

/** What an IdentityFile holds. `public_only`: it names one of the agent's keys. */
export type KeyFile =
  | { kind: "private"; path: string; key: ParsedKey; publicKey: Buffer }
  | { kind: "public_only"; path: string; publicKey: Buffer }
  /** The public half is known from the file itself or from the `.pub` beside it. */
  | { kind: "encrypted"; path: string; publicKey: Buffer | undefined }
  | { kind: "unreadable"; path: string; why: string };

/** Reads a key file; undefined when there is none. */
export async function readKeyFile(path: string): Promise<KeyFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT") return { kind: "unreadable", path, why: message };
    const publicKey = await readPublicHalf(path);
    return publicKey === undefined ? undefined : { kind: "public_only", path, publicKey };
  }
  const key = ssh2.utils.parseKey(text);
  if (!(key instanceof Error)) {
    const publicKey = key.getPublicSSH();
    return key.isPrivateKey()
      ? { kind: "private", path, key, publicKey }
      : { kind: "public_only", path, publicKey };
  }
  // ssh2 reads no PKCS #8, which says of itself that it is encrypted.
  if (/Encrypted .*no passphrase/.test(key.message) || text.includes("BEGIN ENCRYPTED PRIVATE KEY"))
    return { kind: "encrypted", path, publicKey: publicHalf(text) ?? (await readPublicHalf(path)) };
  return { kind: "unreadable", path, why: key.message };
}

async function readPublicHalf(path: string): Promise<Buffer | undefined> {
  const text = await readFile(`${path}.pub`, "utf8").catch(() => "");
  const key = ssh2.utils.parseKey(text);
  return key instanceof Error ? undefined : key.getPublicSSH();
}

const MAGIC = "openssh-key-v1\0";

/** The public half of an OpenSSH private key stands in clear before the encrypted one (OpenSSH, PROTOCOL.key). */
function publicHalf(text: string): Buffer | undefined {
  const base64 = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]+)-----END/.exec(text)?.[1];
  if (base64 === undefined) return undefined;
  const bytes = Buffer.from(base64, "base64");
  if (bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  let at = MAGIC.length;
  const next = (): Buffer => {
    const length = bytes.readUInt32BE(at);
    at += 4 + length;
    return bytes.subarray(at - length, at);
  };
  try {
    // The cipher, the key derivation and its options, the number of keys, the first key.
    for (let field = 0; field < 3; field++) next();
    at += 4;
    return Buffer.from(next());
  } catch {
    return undefined;
  }
}
