import { BerthError } from "../../contract/problem.ts";
import type { Env } from "../env.ts";

/** Where events go, and the keys that sign them. */
export type WebhookTarget = { url: string; keys: readonly string[] };

export type WebhooksConfig = {
  /** Keys by which calls are believed; null: none are taken. */
  incoming: readonly string[] | null;
  /** Null: nobody is told of events. */
  outgoing: WebhookTarget | null;
};

const PREFIX = "whsec_";
/** Bytes of a key, as Standard Webhooks has them ("Signature scheme"). */
const [SHORTEST, LONGEST] = [24, 64];

function isKey(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false;
  try {
    const { byteLength } = Uint8Array.fromBase64(text.slice(PREFIX.length));
    return byteLength >= SHORTEST && byteLength <= LONGEST;
  } catch {
    return false;
  }
}

function keys(env: Env, name: "BERTH_WEBHOOK_SECRETS" | "BERTH_WEBHOOK_SIGNING_SECRETS"): readonly string[] {
  const found = (env[name] ?? "").split(/\s+/).filter((word) => word !== "");
  // The text is a secret: the message tells its place, not what stands there.
  const wrong = found.findIndex((text) => !isKey(text));
  if (wrong === -1) return found;
  const message = `${name}: key ${wrong + 1} is not "${PREFIX}" and ${SHORTEST} to ${LONGEST} bytes in base64`;
  throw new BerthError("not_configured", message);
}

const LOOPBACK = /^(?:localhost|.+\.localhost|127(?:\.\d+){3}|\[::1\])$/;

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.test(url.hostname));
  if (url === undefined || !isSafe || url.username !== "" || url.password !== "")
    throw new BerthError("not_configured", "BERTH_WEBHOOK_URL must be an https URL without a user");
  return url.href;
}

/**
 * What the operator has set of webhooks.
 * @throws BerthError `not_configured`, which says what is wrong with it
 */
export function webhooksOf(env: Env): WebhooksConfig {
  const incoming = keys(env, "BERTH_WEBHOOK_SECRETS");
  const signing = keys(env, "BERTH_WEBHOOK_SIGNING_SECRETS");
  const url = env.BERTH_WEBHOOK_URL ?? "";
  if (url !== "" && signing.length === 0)
    throw new BerthError("not_configured", "BERTH_WEBHOOK_URL needs BERTH_WEBHOOK_SIGNING_SECRETS");
  return {
    incoming: incoming.length === 0 ? null : incoming,
    outgoing: url === "" ? null : { url: checkedUrl(url), keys: signing },
  };
}
