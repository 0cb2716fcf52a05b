import { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { Client, ClientChannel } from "ssh2";
import { MarkerCut } from "./login-shell.ts";

/** As much of the end of what a command writes on standard error is kept. */
const STDERR_KEPT = 1_048_576;

/**
 * A command on the host: its standard input and output, without what the login shell's startup files wrote before.
 * As of a child process, 'end' comes in every case, and 'close' when all of the output is read: `resume()` it where that is
 * of no interest. `exitCode` tells whether the end was the command's own. An 'error' needs no listener.
 */
export class RemoteProcess extends Duplex {
  readonly #channel: ClientChannel;
  readonly #output: MarkerCut;
  readonly #errors: MarkerCut;
  readonly #started = Promise.withResolvers<boolean>();
  readonly #decoder = new StringDecoder();
  #stderr = "";
  #exitCode: number | null | undefined;
  #isClosed = false;
  readonly #channelClosed = Promise.withResolvers<void>();
  /** A write that waits for the channel, which tells nobody when it is closed meanwhile. */
  #writing: (() => void) | undefined;

  private constructor(channel: ClientChannel, marker: string) {
    super({ allowHalfOpen: true });
    this.#channel = channel;
    this.#output = new MarkerCut(marker);
    this.#errors = new MarkerCut(marker);
    this.on("error", () => undefined);
    channel
      .on("data", (chunk: Buffer) => this.#read(chunk))
      // The end of its output says nothing of its exit code, which comes on its own: `close` is the end of both.
      .on("error", () => this.destroy())
      .on("exit", (code: number | null) => {
        this.#exitCode = code;
      })
      .on("close", () => {
        this.#channelClosed.resolve();
        this.#close();
      });
    channel.stderr.on("data", (chunk: Buffer) => {
      const text = this.#decoder.write(this.#errors.push(chunk));
      this.#stderr = `${this.#stderr}${text}`.slice(-STDERR_KEPT);
    });
    channel.stderr.on("error", () => undefined);
  }

  /**
   * Opens a session channel and has the login shell run the line.
   * @throws Error with a `reason` where sshd opens none (RFC 4254 5.1), without where the connection is lost
   */
  static async start(client: Client, line: string, marker: string): Promise<RemoteProcess> {
    const { promise, resolve, reject } = Promise.withResolvers<RemoteProcess>();
    client.exec(line, (error, channel) => {
      // Here and not after the promise: output, exit code and end may come in the same packet.
      if (error === undefined) resolve(new RemoteProcess(channel, marker));
      else reject(error);
    });
    return await promise;
  }

  /** Its exit code once it has ended; null where a signal ended it; undefined where its end was not seen. */
  get exitCode(): number | null | undefined {
    return this.#exitCode;
  }

  /** The end of what it has written on standard error: 1 MiB of characters at most. */
  get stderr(): string {
    return this.#stderr;
  }

  /** True when the login shell has come to the command; false when it has ended before. */
  get started(): Promise<boolean> {
    return this.#started.promise;
  }

  /** When the channel is no more on either side: later than 'close' where it was destroyed. */
  get channelClosed(): Promise<void> {
    return this.#channelClosed.promise;
  }

  /** What the startup files wrote, where the command never ran. */
  get startupOutput(): string {
    return [this.#output.before, this.#errors.before].filter((text) => text !== "").join("\n");
  }

  /**
   * Gives the command up. Its process group gets SIGTERM, where sshd takes signals (OpenSSH 7.9, not for root) and the
   * input is not ended; else the end of its input and a closed output are all that it sees. Unlike `destroy()` it lets a
   * reader's loop end.
   */
  stop(): void {
    this.#channel.signal("TERM");
    this.#channel.close();
    this.#channel.resume();
    this.#close();
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.#isClosed) {
      callback();
      return;
    }
    const done = (): void => {
      if (this.#writing !== done) return;
      this.#writing = undefined;
      callback();
    };
    this.#writing = done;
    this.#channel.write(chunk, done);
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (!this.#isClosed) this.#channel.end();
    callback();
  }

  override _destroy(_error: Error | null, callback: (error?: Error | null) => void): void {
    this.#started.resolve(false);
    // What the host still sends is thrown away.
    this.#channel.close();
    this.#channel.resume();
    this.#writing?.();
    callback();
  }

  #read(chunk: Buffer): void {
    if (this.#isClosed || this.destroyed) return;
    const rest = this.#output.push(chunk);
    if (this.#output.isThrough) this.#started.resolve(true);
    if (rest.length > 0 && !this.push(rest)) this.#channel.pause();
  }

  /**
   * The command has ended, or the connection. What it wrote can still be read. The end of its output alone is not the end:
   * the exit code comes after it.
   */
  #close(): void {
    this.#isClosed = true;
    this.#started.resolve(false);
    this.#writing?.();
    if (this.destroyed) return;
    this.push(null);
    this.end();
    // Of a command that was cut off nobody may care to read what is left: 'close' is not to wait for that.
    if (this.#exitCode === undefined) setImmediate(() => this.#closeUnread());
  }

  #closeUnread(): void {
    if (this.readableFlowing === null && this.listenerCount("readable") === 0) this.destroy();
  }
}
