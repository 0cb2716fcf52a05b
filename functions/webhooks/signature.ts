import { Webhook } from "standardwebhooks";
import { BerthError } from "../../contract/problem.ts";

/** A message's headers, of the shape they must have. */
export type MessageHead = { id: string; timestamp: string; signature: string };

/** How far a message's time may be from now, either way. Seconds; the specification's libraries have the same. */
const WINDOW_S = 300;

/** No full stop: it parts id, time and body in what is signed, which could else be parted otherwise. */
const ID = /^[\w:-]{1,128}$/;
const TIMESTAMP = /^\d{1,12}$/;
/** Some ten signatures, of as many keys. */
const SIGNATURES_LENGTH = 1024;

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
  return { id, timestamp, signature };
}

/**
 * Holds a message against each key.
 * @param body the exact bytes that came
 * @returns the body as text
 * @throws BerthError `invalid_signature`
 */
export function verifyMessage(head: MessageHead, body: Uint8Array, keys: readonly string[]): string {
  const headers = {
    "webhook-id": head.id,
    "webhook-timestamp": head.timestamp,
    "webhook-signature": head.signature,
  };
  const text = exactText(body);
  for (const key of keys) {
    try {
      new Webhook(key).verify(text, headers, { jsonParse: false });
      return text;
    } catch {
      // Another key may have signed it.
    }
  }
  throw refused();
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

/** Text that encodes to these very bytes again, which the signature is over; there is none for what is not UTF-8. */
function exactText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw refused();
  }
}
