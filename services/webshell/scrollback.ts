import { Modes } from "./modes.ts";

const LINE_FEED = 0x0a;
const ESCAPE = 0x1b;
/** How far past the wanted place a better one is looked for, in bytes. */
const SEARCH = 8192;

/**
 * Where output may be cut, at `from` or soon after: behind a line, before an escape sequence, or at least between two
 * UTF-8 characters, so that what is left does not begin with half of something.
 */
export function findCut(output: Buffer, from: number): number {
  const window = output.subarray(from, from + SEARCH);
  const found = window.findIndex((byte) => byte === LINE_FEED || byte === ESCAPE);
  if (found !== -1) return from + found + (window[found] === LINE_FEED ? 1 : 0);
  let cut = from;
  while (cut < output.length && ((output[cut] ?? 0) & 0xc0) === 0x80) cut++;
  return cut;
}

/**
 * The end of a terminal's output: at least the last `capacity` bytes of it, at most twice as many. Places in it are
 * byte offsets from the output's very beginning.
 */
export class Scrollback {
  readonly #capacity: number;
  readonly #buffer: Buffer;
  #length = 0;
  #start = 0;
  /** At `#start`. */
  readonly #modes = new Modes();

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#buffer = Buffer.alloc(2 * capacity);
  }

  /** The offset of the first byte that is kept: a clean place to begin at. */
  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#start + this.#length;
  }

  /** The sequences that bring a fresh terminal into the state that it has at `start`. */
  get preamble(): string {
    return this.#modes.toString();
  }

  /** True when the program drew its screen before `start`: only the program can draw it again. */
  get isScreenLost(): boolean {
    if (!this.#modes.isAlternateScreen) return false;
    const modes = new Modes(this.#modes);
    modes.read(this.#kept());
    return modes.isAlternateScreen;
  }

  push(output: Buffer): void {
    for (let at = 0; at < output.length; at += this.#capacity) {
      const piece = output.subarray(at, at + this.#capacity);
      if (this.#length + piece.length > this.#buffer.length) this.#forget();
      this.#length += piece.copy(this.#buffer, this.#length);
    }
  }

  /** A copy of the bytes between two offsets that are kept. */
  slice(from: number, to: number): Buffer<ArrayBuffer> {
    return Buffer.from(this.#buffer.subarray(from - this.#start, to - this.#start));
  }

  #kept(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #forget(): void {
    const cut = findCut(this.#kept(), this.#length - this.#capacity);
    this.#modes.read(this.#buffer.subarray(0, cut));
    this.#buffer.copyWithin(0, cut, this.#length);
    this.#start += cut;
    this.#length -= cut;
  }
}
