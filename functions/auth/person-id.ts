import type { UserId } from "../../contract/person.ts";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH = 20;

/**
 * The id of whom an issuer calls `subject`: 100 bits of a SHA-256 of both.
 * @param issuer as its tokens or the operator spell it: with a slash after the host or without, as discovery takes both
 */
export async function userIdOf(issuer: string, subject: string): Promise<UserId> {
  const spelled = URL.canParse(issuer) ? new URL(issuer).href : issuer;
  const text = new TextEncoder().encode(JSON.stringify([spelled, subject]));
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  let id = "u";
  for (const byte of bytes.subarray(0, LENGTH)) id += ALPHABET.charAt(byte & 31);
  return id as UserId;
}
