import { Duplex } from "node:stream";
import type { Channel } from "ssh2";

const broken = (code: "ECONNRESET" | "EPIPE", message: string): Error =>
  Object.assign(new Error(message), { code });

/**
 * A channel of an SSH server's connection, as a stream that keeps a stream's promises. ssh2's own does not: its `end()`
 * closes both halves, a lost connection looks like the end of the data, and a write to a closed one never returns.
 */
export class TunnelStream extends Duplex {
  readonly #channel: Channel;
  #isClosed = false;

  constructor(channel: Channel) {
    super({ allowHalfOpen: true });
    this.#channel = channel;
    channel.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.on("end", () => this.push(null));
    channel.on("close", () => this.#closed());
    channel.on("error", () => {});
    // Lost while nobody listens, as between two requests, it must not take the process along.
    this.on("error", () => {});
  }

  /** The connection is lost: what has come may be a part of what was sent. */
  lose(): void {
    this.destroy(broken("ECONNRESET", "the tunnel to the node was lost"));
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#isClosed) done(broken("EPIPE", "the node has closed the channel"));
    else this.#channel.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#channel.eof();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.close();
    // What is still on its way is not wanted, and would wait in the channel for ever.
    this.#channel.resume();
    done(error);
  }

  /** Nothing can be written any more; what has been read before may still be wanted. */
  #closed(): void {
    this.#isClosed = true;
    if (this.readableEnded) this.destroy();
    else this.once("end", () => this.destroy());
  }
}
