import { Duplex } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { Client, ClientChannel } from "ssh2";
import { MarkerCut } from "./login-shell.ts";

/** As much of the end of what a command writes on standard error is kept. */
const STDERR_KEPT = 1_048_576;

/** Opens a session channel and has the login shell run the line. @throws Error: sshd refuses it, or the connection is lost */
export async function execute(client: Client, line: string): Promise<ClientChannel> {
  const { promise, resolve, reject } = Promise.withResolvers<ClientChannel>();
  client.exec(line, (error, channel) => {
    if (error === undefined) resolve(channel);
    else reject(error);
  });
  return await promise;
}

/**
 * A command on the host: its standard input and output, without what the login shell's startup files wrote before.
 * 'close' when it has ended. To destroy it closes the channel: the command reads the end of its input and can write no
 * more, but, without a terminal, gets no signal. It never emits 'error'.
 */
export class RemoteProcess extends Duplex {
  readonly #channel: ClientChannel;
  readonly #output: MarkerCut;
  readonly #errors: MarkerCut;
  readonly #started = Promise.withResolvers<boolean>();
  readonly #decoder = new StringDecoder();
  #stderr = "";
  #exitCode: number | null | undefined;
  #isChannelClosed = false;
  /** A write that waits for the channel, which tells nobody when it is closed meanwhile. */
  #writing: (() => void) | undefined;

  constructor(channel: ClientChannel, marker: string) {
    super({ allowHalfOpen: true });
    this.#channel = channel;
    this.#output = new MarkerCut(marker);
    this.#errors = new MarkerCut(marker);
    this.on("error", () => undefined);
    channel
      .on("data", (chunk: Buffer) => this.#read(chunk))
      .on("end", () => this.push(null))
      .on("error", () => this.destroy())
      .on("exit", (code: number | null) => {
        this.#exitCode = code;
      })
      .on("close", () => this.#close());
    channel.stderr.on("data", (chunk: Buffer) => {
      const text = this.#decoder.write(this.#errors.push(chunk));
      this.#stderr = `${this.#stderr}${text}`.slice(-STDERR_KEPT);
    });
    channel.stderr.on("error", () => undefined);
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

  /** What the startup files wrote, where the command never ran. */
  get startupOutput(): string {
    return [this.#output.before, this.#errors.before].filter((text) => text !== "").join("\n");
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.#isChannelClosed) {
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
    if (!this.#isChannelClosed) this.#channel.end();
    callback();
  }

  override _destroy(_error: Error | null, callback: (error?: Error | null) => void): void {
    this.#started.resolve(false);
    // Closed on our side at once; what the host still sends is thrown away.
    this.#channel.close();
    this.#channel.resume();
    this.#writing?.();
    callback();
  }

  #read(chunk: Buffer): void {
    const rest = this.#output.push(chunk);
    if (this.#output.isThrough) this.#started.resolve(true);
    if (rest.length > 0 && !this.destroyed && !this.push(rest)) this.#channel.pause();
  }

  /** The command has ended, or the connection. What it wrote can still be read. */
  #close(): void {
    this.#isChannelClosed = true;
    this.#started.resolve(false);
    this.#writing?.();
    if (this.destroyed) return;
    this.push(null);
    this.end();
    // Nobody reads: without this 'close' would never come.
    if (this.readableFlowing === null && this.listenerCount("readable") === 0) this.resume();
  }
}
