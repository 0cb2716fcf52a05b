type Kind = "short" | "long";
type Waiting = { kind: Kind; grant: (slot: Disposable) => void };

/** sshd allows ten sessions on a connection by default (MaxSessions). */
const MOST = 8;
/** Those that live long leave some for the others. */
const MOST_LONG = 6;

/** Who may open a session channel now: first come, first served, but a long one without room lets short ones pass. */
export class ChannelSlots {
  #most = MOST;
  #used = 0;
  #usedLong = 0;
  #queue: Waiting[] = [];

  /** How many are in use. */
  get used(): number {
    return this.#used;
  }

  /** Resolves when there is room. Disposed, the slot is free again. @throws the signal's reason */
  async take(kind: Kind, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<Disposable>();
    const waiting: Waiting = { kind, grant: resolve };
    const abort = (): void => {
      this.#queue = this.#queue.filter((other) => other !== waiting);
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", abort, { once: true });
    this.#queue.push(waiting);
    this.#serve();
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** The server has refused one more than `open`: it allows fewer than most. */
  limit(open: number): void {
    this.#most = Math.max(1, Math.min(this.#most, open));
  }

  #serve(): void {
    for (;;) {
      if (this.#used >= this.#most) return;
      const hasLongRoom = this.#usedLong < Math.max(1, Math.min(MOST_LONG, this.#most - 1));
      const at = this.#queue.findIndex(({ kind }) => kind === "short" || hasLongRoom);
      const next = this.#queue[at];
      if (next === undefined) return;
      this.#queue.splice(at, 1);
      next.grant(this.#slot(next.kind));
    }
  }

  #slot(kind: Kind): Disposable {
    const long = kind === "long" ? 1 : 0;
    this.#used += 1;
    this.#usedLong += long;
    let isFree = false;
    return {
      [Symbol.dispose]: () => {
        if (isFree) return;
        isFree = true;
        this.#used -= 1;
        this.#usedLong -= long;
        this.#serve();
      },
    };
  }
}
