import { env, exports } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { CONSOLE } from "./edge.ts";

/** The keys of vitest.config.ts: the new one, and the old one that is still believed. */
export const [NEW_KEY = "", OLD_KEY = ""] = env.BERTH_WEBHOOK_SECRETS.split(" ");

export type Spelling = {
  id?: string;
  keys?: readonly string[];
  /** Milliseconds since 1970; now, unless told. */
  at?: number;
  /** Headers to be sent instead of the right ones; null: not at all. */
  headers?: Record<string, string | null>;
  /** What is sent instead of what was signed. */
  body?: BodyInit;
  /** The address that it comes from; unless told, each is from another. */
  from?: string;
};

let count = 0;

export const messageId = (): string => `msg_${++count}`;

export const spell = (type: string, data: object): string =>
  JSON.stringify({ type, timestamp: new Date().toISOString(), data });

/** Refusals are counted by address, and no test's are another's. */
const anyAddress = (): string => `2001:db8:${[...crypto.getRandomValues(new Uint8Array(2))].join(":")}::1`;

/** A text as a message of the platform's: signed by the new key, unless told otherwise. */
export function signedRequest(text: string, spelling: Spelling = {}): Request {
  const { id = messageId(), keys = [NEW_KEY], at = Date.now(), body = text, from = anyAddress() } = spelling;
  const signatures = keys.map((key) => new Webhook(key).sign(id, new Date(at), text));
  const headers = new Headers({
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at / 1000)),
    "webhook-signature": signatures.join(" "),
    "cf-connecting-ip": from,
  });
  for (const [name, value] of Object.entries(spelling.headers ?? {})) {
    if (value === null) headers.delete(name);
    else headers.set(name, value);
  }
  return new Request(`${CONSOLE}/webhooks/platform`, { method: "POST", headers, body, cf: {} });
}

/** Sends a text as a message of the platform's. */
export const send = (text: string, spelling: Spelling = {}): Promise<Response> =>
  exports.default.fetch(signedRequest(text, spelling));

/** Sends a message. */
export const call = (type: string, data: object, spelling: Spelling = {}): Promise<Response> =>
  send(spell(type, data), spelling);
