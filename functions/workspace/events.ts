import { BerthError } from "../../contract/problem.ts";

/** One server-sent event; `data` travels as JSON. */
export type ServerEvent = { event: "session" | "notification" | "agent" | "resources"; data: unknown };

/** What a change looks like to one listener; undefined when it does not concern it. */
type View<Change> = (change: Change) => ServerEvent | undefined;

type Listener<Change> = {
  visitor: string;
  writer: WritableStreamDefaultWriter<Uint8Array>;
  pending: number;
  view: View<Change>;
};

/** A reader that is this many events behind is cut off; it reconnects and starts from what is. */
const MAX_PENDING = 256;
const HEARTBEAT_MS = 15_000;
/** By then it is noticed which readers have gone. Seconds. */
const RETRY_S = 1;
const encoder = new TextEncoder();

const spell = ({ event, data }: ServerEvent): Uint8Array =>
  encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);

/** The open event streams of a workspace (`text/event-stream`, WHATWG HTML section 9.2). */
export class EventStreams<Change> {
  readonly #listeners = new Set<Listener<Change>>();
  readonly #limit: () => number;
  #heartbeat: ReturnType<typeof setInterval> | null = null;

  /** @param limit how many may be open at once */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /**
   * Opens a stream that begins with `first`, so that nothing is lost between a page's rendering and its stream.
   * @param visitor names whom it is for, to `evict`
   * @throws BerthError `too_many_requests` when as many are open as may be
   */
  open(visitor: string, first: readonly ServerEvent[], view: View<Change>): Response {
    if (this.#listeners.size >= this.#limit()) {
      // Some of them may have gone, which is noticed by writing to them.
      this.#beat();
      throw new BerthError(
        "too_many_requests",
        `${this.#listeners.size} pages and programs of yours follow already: close some; then again in ${RETRY_S} s`,
        { retryAfter: RETRY_S },
      );
    }
    const { readable, writable } = new IdentityTransformStream();
    const listener: Listener<Change> = { visitor, writer: writable.getWriter(), pending: 0, view };
    this.#listeners.add(listener);
    this.#heartbeat ??= setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#write(listener, encoder.encode("retry: 1000\n\n"));
    for (const event of first) this.#write(listener, spell(event));
    return new Response(readable, {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      },
    });
  }

  evict(visitor: string): void {
    for (const listener of this.#listeners) if (listener.visitor === visitor) this.#drop(listener);
  }

  emit(change: Change): void {
    for (const listener of this.#listeners) {
      const event = listener.view(change);
      if (event !== undefined) this.#write(listener, spell(event));
    }
  }

  #beat(): void {
    const bytes = encoder.encode(": still here\n\n");
    for (const listener of this.#listeners) if (listener.pending === 0) this.#write(listener, bytes);
  }

  #write(listener: Listener<Change>, bytes: Uint8Array): void {
    if (listener.pending >= MAX_PENDING) {
      this.#drop(listener);
      return;
    }
    listener.pending += 1;
    listener.writer.write(bytes).then(
      () => {
        listener.pending -= 1;
      },
      () => this.#drop(listener),
    );
  }

  #drop(listener: Listener<Change>): void {
    if (!this.#listeners.delete(listener)) return;
    listener.writer.abort("gone").catch(() => undefined);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#heartbeat);
    this.#heartbeat = null;
  }
}
