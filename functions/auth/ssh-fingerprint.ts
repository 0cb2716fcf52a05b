const TYPE = new TextEncoder().encode("ssh-ed25519");

/** One `string` of the SSH protocol: its length in 32 bits, then its bytes (RFC 4251, section 5). */
function sshString(bytes: Uint8Array): number[] {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.byteLength);
  return [...length, ...bytes];
}

/** The fingerprint of an ed25519 key of 32 bytes, as `ssh-keygen -l` spells it (RFC 8709, section 4; base64 unpadded). */
export async function sshFingerprint(key: Uint8Array): Promise<string> {
  const blob = new Uint8Array([...sshString(TYPE), ...sshString(key)]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", blob));
  return `SHA256:${hash.toBase64({ omitPadding: true })}`;
}
