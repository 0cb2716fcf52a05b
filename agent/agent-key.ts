import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { AgentKey as PublicKey } from "../contract/enrolment.ts";
import { BerthError } from "../contract/problem.ts";
import { readPrivateFile, writePrivateFile } from "./private-file.ts";

const TYPE = Buffer.from("ssh-ed25519");
const Jwk = z.object({ x: PublicKey });

/** One `string` of the SSH protocol: its length in 32 bits, then its bytes (RFC 4251, section 5). */
function sshString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The ed25519 key pair by which this machine is known while it joins an edge. */
export class AgentKey {
  /** The public half's 32 bytes, in base64url. */
  readonly public: string;
  /** As `ssh-keygen -l` spells it. */
  readonly fingerprint: string;
  readonly #private: KeyObject;

  private constructor(key: KeyObject) {
    this.#private = key;
    this.public = Jwk.parse(createPublicKey(key).export({ format: "jwk" })).x;
    const blob = Buffer.concat([sshString(TYPE), sshString(Buffer.from(this.public, "base64url"))]);
    this.fingerprint = `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
  }

  /**
   * The key in `BERTH_HOME/agent-key`, made on first use.
   * @throws BerthError `invalid_request` for a file that holds no such key
   */
  static async open(home: string): Promise<AgentKey> {
    const path = join(home, "agent-key");
    const pem = (await readPrivateFile(path)) ?? (await make(path));
    try {
      const key = createPrivateKey(pem);
      if (key.asymmetricKeyType !== "ed25519") throw new TypeError(`it is an ${key.asymmetricKeyType} key`);
      return new AgentKey(key);
    } catch (cause) {
      const message = `Cannot use ${path}: it holds no ed25519 key. Delete it; the next join makes another`;
      throw new BerthError("invalid_request", message, { cause });
    }
  }

  /** The signature over a text, in base64url (RFC 8032). */
  sign(text: string): string {
    return sign(null, Buffer.from(text), this.#private).toString("base64url");
  }
}

async function make(path: string): Promise<string> {
  const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
  await writePrivateFile(path, pem.toString());
  return pem.toString();
}
