import { z } from "zod";

/** Crockford's base 32 in lower case: no `i`, `l`, `o`, `u`, so that an id survives being read aloud. */
const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

export const SESSION_ID = /^s[0-9a-hjkmnp-tv-z]{12}$/;
/** A session's id: `s` and 12 characters of base 32 (60 random bits). Safe as a file name and in a URL. */
export const SessionId = z
  .string()
  .regex(SESSION_ID, "must be a session id, such as s4k2m9x0v7qrt")
  .brand<"SessionId">();
export type SessionId = z.infer<typeof SessionId>;

export const STREAM_ID = /^[0-9a-hjkmnp-tv-z]{26}$/;
/** A relayed stream's id: 26 characters of base 32 (130 random bits), so that it cannot be guessed. */
export const StreamId = z.string().regex(STREAM_ID).brand<"StreamId">();
export type StreamId = z.infer<typeof StreamId>;

/** A share's id: `h` and 12 characters of base 32. Known to the session's owner, and in its guests' signed cookies. */
export const ShareId = z
  .string()
  .regex(/^h[0-9a-hjkmnp-tv-z]{12}$/, "must be a share's id, such as h4k2m9x0v7qrt")
  .brand<"ShareId">();
export type ShareId = z.infer<typeof ShareId>;

function base32(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += ALPHABET.charAt(byte & 31);
  return text;
}

/** Makes a session id from 12 random bytes. */
export const sessionId = (random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array): SessionId =>
  `s${base32(random(new Uint8Array(12)))}` as SessionId;

/** Makes a share's id from 12 random bytes. */
export const shareId = (random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array): ShareId =>
  `h${base32(random(new Uint8Array(12)))}` as ShareId;

/** Makes a stream id from 26 random bytes. */
export const streamId = (random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array): StreamId =>
  base32(random(new Uint8Array(26))) as StreamId;
