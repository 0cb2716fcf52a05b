import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export type HeaderList = readonly (readonly [name: string, value: string])[];

export type Head = { status: number; reason: string; headers: HeaderList };

/** How a body's end is known (RFC 9112, 6.3). */
type Framing = "none" | "length" | "chunked" | "close";

export type Answer = Head & { interim: Head[]; framing: Framing; body: Buffer; trailers: HeaderList };

/** The peer ended the connection where more had to come: before a head, within one, or within a body. */
export class Cut extends Error {
  override readonly name = "Cut";
}

/** A header's values, in order, whatever the case of its name. */
export const valuesOf = (headers: HeaderList, name: string): string[] =>
  headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value);

/** A header's values as one, as a list header may be sent in one line or several (RFC 9110, 5.3). */
export const valueOf = (headers: HeaderList, name: string): string | undefined => {
  const values = valuesOf(headers, name);
  return values.length === 0 ? undefined : values.join(", ");
};

/** How the body of an answer to `method` is framed. */
function framingOf(head: Head, method: string): Framing {
  const bodiless = head.status < 200 || head.status === 204 || head.status === 304 || method === "HEAD";
  if (bodiless) return "none";
  if (valueOf(head.headers, "transfer-encoding")?.toLowerCase() === "chunked") return "chunked";
  return valueOf(head.headers, "content-length") === undefined ? "close" : "length";
}

function parseLines(lines: readonly string[]): [string, string][] {
  return lines.map((line) => {
    const colon = line.indexOf(":");
    if (colon < 1) throw new Error(`not a header line: ${JSON.stringify(line)}`);
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
}

/**
 * One HTTP/1.1 connection on which the test writes every byte itself and reads what comes back as it was framed.
 * Text is Latin-1 both ways, so that a character is a byte.
 */
export class RawConnection implements AsyncDisposable {
  readonly socket: Socket;
  /** The TCP connection under it all. */
  readonly #tcp: Socket;
  readonly #incoming: AsyncIterator<Buffer>;
  #buffered: Buffer = Buffer.alloc(0);
  #over = false;

  private constructor(socket: Socket, tcp: Socket) {
    this.socket = socket;
    this.#tcp = tcp;
    socket.on("error", () => {});
    this.#incoming = socket.iterator({ destroyOnReturn: false });
  }

  /** Connects to a URL's host and port; a self-signed certificate is accepted. */
  static async open(to: URL): Promise<RawConnection> {
    const secure = to.protocol === "https:";
    // `*.localhost` is loopback by name (RFC 6761, 6.3), but not every resolver knows it.
    const host = to.hostname.endsWith(".localhost") ? "localhost" : to.hostname;
    const tcp = connectTcp({ host, port: Number(to.port || (secure ? 443 : 80)), allowHalfOpen: true });
    tcp.setNoDelay(true);
    const socket = secure
      ? connectTls({ socket: tcp, rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] })
      : tcp;
    await once(socket, secure ? "secureConnect" : "connect");
    return new RawConnection(socket, tcp);
  }

  /** Writes, and resolves once the kernel has taken the bytes. */
  async send(bytes: string | Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes, (error) =>
      error ? reject(error) : resolve(),
    );
    await promise;
  }

  async #fill(): Promise<boolean> {
    if (this.#over) return false;
    try {
      const next = await this.#incoming.next();
      if (next.done !== true) {
        this.#buffered =
          this.#buffered.length === 0 ? next.value : Buffer.concat([this.#buffered, next.value]);
        return true;
      }
    } catch {
      // A reset ends the stream as an early FIN does: what is missing shows.
    }
    this.#over = true;
    return false;
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#buffered.indexOf("\r\n");
      if (end >= 0) {
        const line = this.#buffered.toString("latin1", 0, end);
        this.#buffered = this.#buffered.subarray(end + 2);
        return line;
      }
      if (!(await this.#fill())) throw new Cut("the connection ended within a line");
    }
  }

  async #lines(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.#line(); line !== ""; line = await this.#line()) lines.push(line);
    return lines;
  }

  /** Up to `limit` bytes, as soon as there are any. */
  async #some(limit: number): Promise<Buffer> {
    if (this.#buffered.length === 0 && !(await this.#fill())) throw new Cut("the connection ended early");
    const piece = this.#buffered.subarray(0, limit);
    this.#buffered = this.#buffered.subarray(piece.length);
    return piece;
  }

  /** Exactly `length` bytes. */
  async take(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let missing = length; missing > 0; missing -= pieces.at(-1)?.length ?? 0)
      pieces.push(await this.#some(missing));
    return Buffer.concat(pieces);
  }

  /** The next head, interim ones (1xx) too. */
  async head(): Promise<Head> {
    const [start = "", ...lines] = await this.#lines();
    const parts = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(start);
    if (parts === null) throw new Error(`not a status line: ${JSON.stringify(start)}`);
    return { status: Number(parts[1]), reason: parts[2] ?? "", headers: parseLines(lines) };
  }

  /** The final head, with the interim ones before it. */
  async finalHead(): Promise<Head & { interim: Head[] }> {
    const interim: Head[] = [];
    for (;;) {
      const head = await this.head();
      if (head.status >= 200 || head.status === 101) return { ...head, interim };
      interim.push(head);
    }
  }

  /**
   * The pieces of a body, each as soon as it is there; reading no further holds the sender back.
   * Returns the trailers.
   * @throws Cut when the connection ends before the body does
   */
  async *body(head: Head, method = "GET"): AsyncGenerator<Buffer, HeaderList> {
    const framing = framingOf(head, method);
    if (framing === "length") yield* this.#counted(Number(valueOf(head.headers, "content-length")));
    if (framing === "close") {
      while (this.#buffered.length > 0 || (await this.#fill())) yield await this.#some(Infinity);
      if (this.socket.errored !== null) throw new Cut("the connection was reset within a body");
    }
    if (framing !== "chunked") return [];
    for (;;) {
      const size = Number.parseInt(await this.#line(), 16);
      if (Number.isNaN(size)) throw new Error("not a chunk's size");
      if (size === 0) return parseLines(await this.#lines());
      yield* this.#counted(size);
      await this.#line();
    }
  }

  async *#counted(length: number): AsyncGenerator<Buffer, void> {
    for (let missing = length; missing > 0;) {
      const piece = await this.#some(missing);
      missing -= piece.length;
      yield piece;
    }
  }

  /** A whole answer. */
  async answer(method = "GET"): Promise<Answer> {
    const head = await this.finalHead();
    const body = this.body(head, method);
    const pieces: Buffer[] = [];
    for (;;) {
      const next = await body.next();
      if (next.done === true)
        return {
          ...head,
          framing: framingOf(head, method),
          body: Buffer.concat(pieces),
          trailers: next.value,
        };
      pieces.push(next.value);
    }
  }

  /** Resolves once the peer has ended its side; what still comes is read and dropped. */
  async ended(): Promise<void> {
    this.#buffered = Buffer.alloc(0);
    while (await this.#fill()) this.#buffered = Buffer.alloc(0);
  }

  /** Goes away as a lost process does: by a reset instead of an end. */
  reset(): void {
    this.#tcp.resetAndDestroy();
    this.socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.socket.once("close", () => resolve());
    this.socket.destroy();
    await promise;
  }
}
