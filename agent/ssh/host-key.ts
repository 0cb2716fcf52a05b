import { createHash } from "node:crypto";
import type { ServerHostKeyAlgorithm } from "ssh2";
import type { HostConfig } from "./ssh-config.ts";
import type { KnownKeys } from "./known-hosts.ts";
import { SshError } from "./trouble.ts";

/** A host's public key, as a line of known_hosts holds it. */
export type HostKey = { type: string; base64: string };

/** A key that a host has shown. */
export type PresentedHostKey = HostKey & {
  /** How known_hosts names the host: `host`, or `[host]:port` where the port is not 22. */
  name: string;
  /** `SHA256:…`, as ssh prints it. */
  fingerprint: string;
  /** The fingerprints that known_hosts has for this name. */
  known: string[];
};

/** The algorithms for keys of each type, most wanted first; those with SHA-1 are not among them. */
const ALGORITHMS: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

/** Those of the known keys come first, as in OpenSSH: else a host would show another of its keys, which is not known. */
export function hostKeyAlgorithms(known: readonly HostKey[]): ServerHostKeyAlgorithm[] {
  const types = new Set([...known.map(({ type }) => type), ...Object.keys(ALGORITHMS)]);
  return [...types].flatMap((type) => ALGORITHMS[type] ?? []);
}

/** As `ssh-keygen -l` prints it. */
export function fingerprint({ base64 }: HostKey): string {
  const digest = createHash("sha256").update(Buffer.from(base64, "base64")).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}

/** Reads a key as the server sends it (RFC 4253 6.6): its type is its first string. */
export function readHostKey(blob: Buffer): HostKey {
  const length = blob.length < 4 ? 0 : blob.readUInt32BE(0);
  return { type: blob.toString("latin1", 4, 4 + length), base64: blob.toString("base64") };
}

/** Judges the key that a host shows: undefined when it is the one that is known. */
export function verifyHostKey(
  key: HostKey,
  known: KnownKeys,
  config: Pick<HostConfig, "alias" | "knownHostsName">,
): SshError | undefined {
  const { alias, knownHostsName: name } = config;
  const shown = { ...key, name, fingerprint: fingerprint(key), known: known.fingerprints };
  const judgement = known.judge(key);
  switch (judgement) {
    case "known":
      return undefined;
    case "unknown":
      return new SshError(
        "host_key_unknown",
        `The host "${alias}" (${name}) is not known yet: it shows the ${key.type} key ${shown.fingerprint}.`,
        { hostKey: shown },
      );
    case "revoked":
      return new SshError(
        "host_key_revoked",
        `Refused to connect to "${alias}" (${name}): its ${key.type} key ${shown.fingerprint} is revoked.`,
        { hostKey: shown },
      );
    case "changed":
      return new SshError(
        "host_key_changed",
        `Refused to connect to "${alias}" (${name}): it shows the ${key.type} key ${shown.fingerprint}, ` +
          `but known is ${shown.known.join(", ")}. Somebody may be in between, or the host was set up anew ` +
          `(then \`ssh-keygen -R '${name}'\` forgets the old key of your own known_hosts).`,
        { hostKey: shown },
      );
    default:
      return judgement satisfies never;
  }
}
