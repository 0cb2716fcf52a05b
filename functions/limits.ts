import { BerthError } from "../contract/problem.ts";
import type { Env } from "./env.ts";

/** How much one user may ask for at once. */
export type Limits = {
  /** Launches within a minute. */
  launches: number;
  /** Sessions that have not ended. */
  sessions: number;
  /** Requests and WebSockets that one session answers at once; its agent counts them. */
  streams: number;
  /** Event streams of the console and the API that are open at once. */
  followers: number;
};

/**
 * More than anybody works with, and less than a loop makes. On one's own machine a script may launch many: nobody else
 * waits there.
 */
const SETTINGS = {
  launches: { name: "BERTH_LIMIT_LAUNCHES", shared: 10, own: 600 },
  sessions: { name: "BERTH_LIMIT_SESSIONS", shared: 50, own: 500 },
  streams: { name: "BERTH_LIMIT_STREAMS", shared: 512, own: 512 },
  followers: { name: "BERTH_LIMIT_FOLLOWERS", shared: 64, own: 64 },
} as const satisfies Record<keyof Limits, { name: keyof Env; shared: number; own: number }>;

function limit(env: Env, { name, shared, own }: (typeof SETTINGS)[keyof Limits]): number {
  const value = env[name];
  if (value === undefined || value === "") return env.BERTH_LOGIN === "link" ? own : shared;
  if (/^[1-9][0-9]{0,8}$/.test(value)) return Number(value);
  throw new BerthError("not_configured", `${name} must be a whole number from 1 on; it is "${value}"`);
}

/**
 * The operator's limits, or the defaults.
 * @throws BerthError `not_configured` for a setting that is no number
 */
export function limitsOf(env: Env): Limits {
  return {
    launches: limit(env, SETTINGS.launches),
    sessions: limit(env, SETTINGS.sessions),
    streams: limit(env, SETTINGS.streams),
    followers: limit(env, SETTINGS.followers),
  };
}

/** Bytes of one header's name and value, and of all of a request's together: more than any application takes. */
export const HEADER_LIMIT = 16_384;
export const HEADERS_LIMIT = 32_768;

/**
 * Refuses a head that is larger than applications take. The runtime itself refuses one beyond 128 KiB (workerd, kj/http).
 * @throws BerthError `payload_too_large`
 */
export function checkHeaderSizes(headers: Iterable<readonly [name: string, value: string]>): void {
  let total = 0;
  for (const [name, value] of headers) {
    const size = name.length + value.length;
    if (size > HEADER_LIMIT)
      throw new BerthError(
        "payload_too_large",
        `the header "${name.slice(0, 64)}" has ${size} bytes; at most ${HEADER_LIMIT} are taken`,
      );
    total += size;
  }
  if (total > HEADERS_LIMIT)
    throw new BerthError(
      "payload_too_large",
      `the headers have ${total} bytes together; at most ${HEADERS_LIMIT} are taken`,
    );
}
