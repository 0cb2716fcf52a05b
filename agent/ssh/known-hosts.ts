import { createHmac } from "node:crypto";
import { mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { fingerprint, type HostKey } from "./host-key.ts";

/** A line of a known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). */
type Line = { hosts: string; key: HostKey; isRevoked: boolean };

/**
 * The keys that known_hosts files hold for one name. Lines of `@cert-authority` count for nothing: ssh2 knows no host
 * certificates, so that such a host is unknown until its plain key is accepted.
 */
export class KnownKeys {
  readonly keys: readonly HostKey[];
  readonly #revoked: readonly HostKey[];

  /** @param texts the files' contents @param name `host` or `[host]:port` */
  constructor(texts: readonly string[], name: string) {
    const lines = texts
      .flatMap((text) => text.split("\n").map(parseLine))
      .filter((line) => line !== undefined);
    // A revoked key is refused under every name.
    this.#revoked = lines.filter(({ isRevoked }) => isRevoked).map(({ key }) => key);
    this.keys = lines
      .filter(({ isRevoked, hosts }) => !isRevoked && namesHost(hosts, name))
      .map(({ key }) => key);
  }

  judge(key: HostKey): "known" | "revoked" | "unknown" | "changed" {
    const isKey = (other: HostKey): boolean => other.type === key.type && other.base64 === key.base64;
    if (this.#revoked.some(isKey)) return "revoked";
    if (this.keys.some(isKey)) return "known";
    return this.keys.length === 0 ? "unknown" : "changed";
  }

  get fingerprints(): string[] {
    return this.keys.map(fingerprint);
  }
}

/** Files that are not there hold nothing; one that cannot be read must not hide a revoked key. @throws Error */
export async function readKnownKeys(files: readonly string[], name: string): Promise<KnownKeys> {
  const texts = await Promise.all(files.map(readText));
  return new KnownKeys(texts, name);
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return "";
    throw error;
  }
}

function parseLine(text: string): Line | undefined {
  const fields = text.trim().split(/\s+/);
  const marker = fields[0]?.startsWith("@") === true ? fields.shift() : undefined;
  const [hosts, type, base64] = fields;
  if (hosts === undefined || hosts.startsWith("#") || type === undefined || base64 === undefined)
    return undefined;
  if (marker !== undefined && marker !== "@revoked") return undefined;
  return { hosts, key: { type, base64 }, isRevoked: marker === "@revoked" };
}

/** Whether a line's first field means this name: a hash of it, or a list of patterns none of whose `!` ones fits. */
function namesHost(hosts: string, name: string): boolean {
  const hash = /^\|1\|([^|]+)\|([^|]+)$/.exec(hosts);
  if (hash !== null) {
    const [, salt = "", digest] = hash;
    return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === digest;
  }
  const patterns = hosts.toLowerCase().split(",");
  const fits = (pattern: string): boolean => matches(pattern, name);
  return (
    patterns.some(fits) && !patterns.some((pattern) => pattern.startsWith("!") && fits(pattern.slice(1)))
  );
}

/** `*` stands for any characters, `?` for one; all else for itself, the brackets of `[host]:port` too. */
function matches(pattern: string, name: string): boolean {
  const source = pattern.replaceAll(/[.*+?^${}()|[\]\\]/g, (character) =>
    character === "*" ? ".*" : character === "?" ? "." : `\\${character}`,
  );
  return new RegExp(`^${source}$`, "s").test(name);
}

/**
 * Adds a key that the user has accepted. All other keys that the file has for the name go: who accepts a host's new key
 * does not mean its old one any longer. Written whole, then renamed; mode 0600.
 */
export async function addKnownHost(file: string, name: string, key: HostKey): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const kept = (await readText(file)).split("\n").filter((text) => {
    const line = parseLine(text);
    return text.trim() !== "" && (line === undefined || line.isRevoked || line.hosts !== name);
  });
  const temporary = `${file}.${process.pid}`;
  try {
    await using written = await open(temporary, "w", 0o600);
    await written.writeFile([...kept, `${name} ${key.type} ${key.base64}`, ""].join("\n"));
    await written.sync();
    await rename(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}
