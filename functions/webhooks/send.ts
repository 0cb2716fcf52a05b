import type { WebhookTarget } from "./config.ts";
import { signedHeaders } from "./signature.ts";

/** A message as it goes out: `body` is JSON, the same in every attempt. */
export type OutgoingMessage = { id: string; body: string };

/**
 * What became of one attempt. `isRefused`: the receiver is well, and does not want this message. `retryAfterMs` is what it
 * asks for.
 */
export type Outcome =
  | { kind: "delivered" }
  | { kind: "failed"; error: string; isRefused: boolean; retryAfterMs: number }
  /** The receiver wants no more of it. */
  | { kind: "gone"; error: string };

type Attempt = {
  method: "POST";
  headers: Record<string, string>;
  body: string;
  redirect: "manual";
  signal: AbortSignal;
};

export type SendOptions = {
  fetch: (url: string, init: Attempt) => Promise<Response>;
  /** Milliseconds since 1970. */
  now: number;
  /** Aborts with a `TimeoutError` after so many milliseconds, such as `AbortSignal.timeout`. */
  deadline: (ms: number) => AbortSignal;
};

/** How long a receiver may take to answer. Milliseconds. */
const TIMEOUT_MS = 10_000;

/** Sends a message once. Never rejects: whatever goes wrong is an outcome. */
export async function sendMessage(
  target: WebhookTarget,
  message: OutgoingMessage,
  options: SendOptions,
): Promise<Outcome> {
  try {
    const response = await options.fetch(target.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "user-agent": "Berth",
        ...signedHeaders(message, target.keys, options.now),
      },
      body: message.body,
      // A redirect would lead what is signed to where the operator has not sent it.
      redirect: "manual",
      signal: options.deadline(TIMEOUT_MS),
    });
    const outcome = outcomeOf(response, options.now);
    // What the receiver says beside its status is of no interest, however long it is.
    await response.body?.cancel().catch(() => undefined);
    return outcome;
  } catch (error) {
    return { kind: "failed", error: reason(error), isRefused: false, retryAfterMs: 0 };
  }
}

/** Too slow, too early, too many: of the moment, not of the message. */
const PASSING = new Set([408, 425, 429]);

function outcomeOf(response: Response, now: number): Outcome {
  const { status } = response;
  if (response.ok) return { kind: "delivered" };
  if (status === 410) return { kind: "gone", error: "the receiver answered 410: it is gone" };
  const isRedirect = status >= 300 && status < 400;
  const error = `the receiver answered ${status}${isRedirect ? ", and redirects are not followed" : ""}`;
  const isRefused = status >= 400 && status < 500 && !PASSING.has(status);
  return {
    kind: "failed",
    error,
    isRefused,
    retryAfterMs: retryAfter(response.headers.get("retry-after"), now),
  };
}

/** Seconds, or a date (RFC 9110, section 10.2.3); 0 for what is neither. */
function retryAfter(value: string | null, now: number): number {
  if (value === null) return 0;
  const wait = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isNaN(wait) ? 0 : Math.max(0, wait);
}

function reason(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError")
    return `the receiver did not answer within ${TIMEOUT_MS / 1000} s`;
  return `the receiver cannot be reached: ${error instanceof Error ? error.message : String(error)}`;
}
