import type { Traffic as Told } from "../../contract/frames.ts";
import type { Counters } from "../counters.ts";

/** More than an agent relays, 10 Gbit/s: one that makes its numbers up spoils nobody's sums for good. */
const BYTES_PER_MS = 1_250_000;
/** Nor has one more streams than that open. */
const MOST_STREAMS = 100_000;
/** What the first frame may be about. Milliseconds. */
const FIRST_MS = 60_000;

/** What the agent says that it has relayed. The bytes themselves pass through the edge's runtime, and are not seen here. */
export class Traffic {
  readonly #counters: Counters;
  #toldAt: number | undefined;

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** @param now milliseconds since 1970 */
  take({ toBrowser, toService, open }: Told, now: number): void {
    const most = Math.max(0, now - (this.#toldAt ?? now - FIRST_MS)) * BYTES_PER_MS;
    this.#toldAt = now;
    if (toBrowser > 0) this.#counters.add("relay_bytes", "to_browser", Math.min(toBrowser, most));
    if (toService > 0) this.#counters.add("relay_bytes", "to_service", Math.min(toService, most));
    const within = (count: number): number => Math.min(count, MOST_STREAMS);
    this.#counters.open = {
      http: within(open.http),
      sse: within(open.sse),
      websocket: within(open.websocket),
    };
  }

  /** The link is gone, and every stream with it. */
  end(): void {
    this.#counters.open = { http: 0, sse: 0, websocket: 0 };
  }
}
