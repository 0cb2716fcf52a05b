import type { HeldAction, HeldState } from "./protocol.ts";

/** One exchange that lasts: what has moved so far, how it ended, and what can be done to it. */
export class Held {
  received = 0;
  sent = 0;
  messagesReceived = 0;
  pings = 0;
  pongs = 0;
  close: HeldState["close"] = null;
  readonly actions: Partial<Record<HeldAction, (body: Buffer) => void>> = {};
  #ended: { clean: boolean } | null = null;
  #moved = performance.now();

  countReceived(bytes: number): void {
    this.received += bytes;
    this.#moved = performance.now();
  }

  countSent(bytes: number): void {
    this.sent += bytes;
    this.#moved = performance.now();
  }

  end(clean: boolean): void {
    this.#ended ??= { clean };
  }

  get state(): HeldState {
    const { received, sent, messagesReceived, pings, pongs, close } = this;
    return {
      open: this.#ended === null,
      clean: this.#ended?.clean ?? false,
      received,
      sent,
      messagesReceived,
      idleMs: performance.now() - this.#moved,
      pings,
      pongs,
      close,
    };
  }
}

const exchanges = new Map<string, Held>();

/** Begins an exchange under the `key` of its query, or under none. */
export function hold(query: URLSearchParams): Held {
  const held = new Held();
  const key = query.get("key");
  if (key !== null) exchanges.set(key, held);
  return held;
}

export const heldUnder = (key: string): Held | undefined => exchanges.get(key);
