/**
 * By what others may sign for us: with a key of which we hold the public half alone (RFC 7518, section 3.1; RFC 8037).
 * Neither `none` nor an HMAC, whose key would be that public half.
 */
export const ASYMMETRIC: string[] = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/** By how much two clocks may differ, seconds. */
export const CLOCK_TOLERANCE_S = 30;
