/** The rest of a response, as it is framed on the wire. It counts the bytes and keeps none. */
export type Body = {
  readonly received: number;
  readonly ended: boolean;
  /** Takes what it can from `chunk`, beginning at `from`; returns where it stopped. */
  take(chunk: Buffer, from: number): number;
};

/** A body of a length known beforehand (RFC 9112, 6.2). */
export class SizedBody implements Body {
  received = 0;
  readonly #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  get ended(): boolean {
    return this.received === this.#length;
  }

  take(chunk: Buffer, from: number): number {
    const taken = Math.min(chunk.byteLength - from, this.#length - this.received);
    this.received += taken;
    return from + taken;
  }
}

const LINE_FEED = 10;

/** A chunked body (RFC 9112, 7.1), without trailers. */
export class ChunkedBody implements Body {
  received = 0;
  ended = false;
  /** Bytes of the current chunk still to come. */
  #left = 0;
  /** What has come of a line: a chunk's size, or the empty one behind its data. */
  #line = "";
  #last = false;

  take(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.byteLength && !this.ended) {
      if (this.#left > 0) {
        const taken = Math.min(chunk.byteLength - at, this.#left);
        this.#left -= taken;
        this.received += taken;
        at += taken;
        continue;
      }
      const end = chunk.indexOf(LINE_FEED, at);
      this.#line += chunk.toString("latin1", at, end === -1 ? chunk.byteLength : end);
      if (end === -1) return chunk.byteLength;
      at = end + 1;
      this.#endLine();
    }
    return at;
  }

  #endLine(): void {
    const line = this.#line.trim();
    this.#line = "";
    if (line === "") {
      this.ended = this.#last;
      return;
    }
    this.#left = Number.parseInt(line, 16);
    if (Number.isNaN(this.#left)) throw new Error(`not the size of a chunk: ${line}`);
    this.#last = this.#left === 0;
  }
}
