/** A pause in the middle: once `after` bytes have come, nothing is taken for `milliseconds`. */
export type Stall = { after: number; milliseconds: number };

type Reader = { pause(): unknown; resume(): unknown };

/** How far a transfer has come, for who watches it, and where it is to stall. */
export class Progress {
  bytes = 0;
  readonly stall: Stall | undefined;
  #hasStalled = false;

  constructor(stall?: Stall) {
    this.stall = stall;
  }

  /** Notes that `bytes` have moved in all; makes the reader stall where it is this end that does. */
  advance(bytes: number, reader?: Reader): void {
    this.bytes = bytes;
    if (reader === undefined || this.stall === undefined || this.#hasStalled) return;
    if (bytes < this.stall.after) return;
    this.#hasStalled = true;
    reader.pause();
    setTimeout(() => reader.resume(), this.stall.milliseconds);
  }
}
