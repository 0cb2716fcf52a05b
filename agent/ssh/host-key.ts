/** A host's public key, as a line of known_hosts names it. */
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
