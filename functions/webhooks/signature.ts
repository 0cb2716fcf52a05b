import { Webhook } from "standardwebhooks";
import { BerthError } from "../../contract/problem.ts";

/** What a message's headers say, of the shape it must have; `macs` are those that any of our keys might have made. */
export type MessageHead = { id: string; timestamp: string; macs: readonly Uint8Array[] };

/** How far a message's time may be from now, either way. Seconds; the specification's libraries have the same. */
const WINDOW_S = 300;

/** No full stop: it parts id, time and body in what is signed, which could else be parted otherwise. */
const ID = /^[\w:-]{1,128}$/;
const TIMESTAMP = /^\d{1,12}$/;
/** Some ten signatures, of as many keys. */
const SIGNATURES_LENGTH = 1024;
/** The 32 bytes of an HMAC-SHA-256, in base64. */
const SIGNATURE = /^v1,([A-Za-z0-9+/]{43}=)$/;
const KEY_PREFIX = "whsec_";

/** One answer to everything that is wrong, so that nobody finds a way by trying. */
const refused = (): BerthError =>
  new BerthError("invalid_signature", "the message's id, time and signatures do not make it believed");

/**
 * The headers of Standard Webhooks, before the body is read.
 * @param now milliseconds since 1970
 * @throws BerthError `invalid_signature`
 */
export function readHead(headers: Headers, now: number): MessageHead {
  const id = headers.get("webhook-id") ?? "";
  const timestamp = headers.get("webhook-timestamp") ?? "";
  const signature = headers.get("webhook-signature") ?? "";
  if (!ID.test(id) || !TIMESTAMP.test(timestamp) || signature.length > SIGNATURES_LENGTH) throw refused();
  if (Math.abs(Math.floor(now / 1000) - Number(timestamp)) > WINDOW_S) throw refused();
  const macs = signature.split(" ").flatMap((each) => macIn(each) ?? []);
  if (macs.length === 0) throw refused();
  return { id, timestamp, macs };
}

function macIn(signature: string): Uint8Array | undefined {
  const [, text] = SIGNATURE.exec(signature) ?? [];
  try {
    return text === undefined ? undefined : Uint8Array.fromBase64(text);
  } catch {
    return undefined;
  }
}

/**
 * Holds a message against each key. By the runtime's own HMAC: in JavaScript a body of 1 MiB costs ten times as much, which
 * a stranger may have us pay.
 * @param body the exact bytes that came
 * @returns the body as text
 * @throws BerthError `invalid_signature`; `invalid_request` where a believed message is no text
 */
export async function verifyMessage(
  head: MessageHead,
  body: Uint8Array,
  keys: readonly string[],
): Promise<string> {
  const before = new TextEncoder().encode(`${head.id}.${head.timestamp}.`);
  const signed = new Uint8Array(before.byteLength + body.byteLength);
  signed.set(before);
  signed.set(body, before.byteLength);
  for (const key of keys) {
    const mac = await macOf(key, signed);
    if (head.macs.some((each) => crypto.subtle.timingSafeEqual(each, mac))) return textOf(body);
  }
  throw refused();
}

async function macOf(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const raw = Uint8Array.fromBase64(key.slice(KEY_PREFIX.length));
  return crypto.subtle.sign(
    "HMAC",
    await crypto.subtle.importKey("raw", raw, algorithm, false, ["sign"]),
    bytes,
  );
}

/** The headers of a message that goes out: a signature by each key, so that a receiver may know any of them. */
export function signedHeaders(
  message: { id: string; body: string },
  keys: readonly string[],
  now: number,
): Record<string, string> {
  const signatures = keys.map((key) => new Webhook(key).sign(message.id, new Date(now), message.body));
  return {
    "webhook-id": message.id,
    "webhook-timestamp": String(Math.floor(now / 1000)),
    "webhook-signature": signatures.join(" "),
  };
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new BerthError("invalid_request", "the message is not UTF-8", { cause });
  }
}
