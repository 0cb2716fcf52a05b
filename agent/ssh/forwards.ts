import type { Duplex } from "node:stream";
import type { Dialled } from "./login.ts";
import { SshError } from "./trouble.ts";

/** A port on the host's loopback, each of whose connections comes here. */
export type Forward = AsyncDisposable & {
  readonly port: number;
  /** When it is no more: disposed, or the connection lost. Never rejects. */
  readonly gone: Promise<void>;
};

const LOOPBACK = "127.0.0.1";

/** The ports that a host listens on for us over one connection (RFC 4254 7). */
export class Forwards {
  readonly #dialled: Dialled;
  readonly #name: string;
  readonly #listeners = new Map<number, (socket: Duplex) => void>();

  constructor(dialled: Dialled, name: string) {
    this.#dialled = dialled;
    this.#name = name;
    dialled.client.on("tcp connection", ({ destPort }, accept, reject) => {
      const listener = this.#listeners.get(destPort);
      if (listener === undefined) {
        reject();
        return;
      }
      const socket = accept();
      socket.on("error", () => undefined);
      listener(socket);
    });
  }

  /** Asks for a free port. Sockets that it has given outlive it. @throws SshError */
  async listen(onSocket: (socket: Duplex) => void): Promise<Forward> {
    const asked = Promise.withResolvers<number>();
    try {
      this.#dialled.client.forwardIn(LOOPBACK, 0, (error, port) => {
        if (error === undefined) {
          // Here and not after the promise: a connection may follow in the same packet.
          this.#listeners.set(port, onSocket);
          asked.resolve(port);
        } else asked.reject(error);
      });
    } catch (error) {
      asked.reject(error);
    }
    const lost = this.#dialled.lost;
    const port = await Promise.race([
      asked.promise,
      lost.then((why) => {
        throw why;
      }),
    ]).catch((error: unknown) => {
      if (error instanceof SshError) throw error;
      throw new SshError("forward_refused", `"${this.#name}" refuses to forward a port.`, { cause: error });
    });
    const gone = Promise.withResolvers<void>();
    void lost.then(() => gone.resolve());
    let cancelling: Promise<void> | undefined;
    return {
      port,
      gone: gone.promise,
      [Symbol.asyncDispose]: async () => {
        this.#listeners.delete(port);
        cancelling ??= this.#cancel(port);
        await Promise.race([cancelling, lost]);
        gone.resolve();
      },
    };
  }

  /** Without an answer the host forgets it with the connection. */
  async #cancel(port: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    try {
      this.#dialled.client.unforwardIn(LOOPBACK, port, () => resolve());
    } catch {
      return;
    }
    await promise;
  }
}
