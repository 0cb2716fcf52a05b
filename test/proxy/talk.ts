import { on } from "node:events";
import { WebSocket, type ClientOptions } from "ws";
import type { HeaderList } from "../support/raw-http.ts";
import { prefixOf } from "./client.ts";
import type { Access } from "./subject.ts";

export type Message = { data: Buffer; isBinary: boolean };

export type Close = { code: number; reason: string };

/** A browser's end of a WebSocket: messages are kept from the very first until asked for. */
export class Talk implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly closed: Promise<Close>;
  readonly #messages: AsyncIterator<[Buffer, boolean]>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.#messages = on(socket, "message", { close: ["close"] }) as AsyncIterator<[Buffer, boolean]>;
    const { promise, resolve } = Promise.withResolvers<Close>();
    socket.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    socket.on("error", () => {});
    this.closed = promise;
  }

  /** Opens a WebSocket; resolves once it is open. */
  static async open(
    access: Access,
    path: string,
    options: { protocols?: string[]; headers?: HeaderList; client?: ClientOptions } = {},
  ): Promise<Talk> {
    const url = new URL(access.base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    // `*.localhost` is loopback by name (RFC 6761, 6.3), but not every resolver knows it.
    if (url.hostname.endsWith(".localhost")) url.hostname = "localhost";
    const target = `${url.origin}${prefixOf(access)}${path}`;
    const socket = new WebSocket(target, options.protocols ?? [], {
      headers: {
        host: access.base.host,
        ...Object.fromEntries([...access.headers, ...(options.headers ?? [])]),
      },
      rejectUnauthorized: false,
      maxPayload: 64 * 1_048_576,
      ...options.client,
    });
    const talk = new Talk(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.once("open", resolve).once("error", reject);
    await promise;
    return talk;
  }

  /** Sends a message; resolves once it has left. */
  async send(data: string | Uint8Array, options: { fin?: boolean } = {}): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.socket.send(data, { binary: typeof data !== "string", ...options }, (error) =>
      error ? reject(error) : resolve(),
    );
    await promise;
  }

  /** @throws Error when the WebSocket closes before a message comes */
  async next(): Promise<Message> {
    const next = await this.#messages.next();
    if (next.done === true) throw new Error("the WebSocket closed before the message came");
    const [data, isBinary] = next.value;
    return { data, isBinary };
  }

  async nextText(): Promise<string> {
    const { data, isBinary } = await this.next();
    if (isBinary) throw new Error("a binary message came where text was due");
    return data.toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.terminate();
    await this.closed;
  }
}
