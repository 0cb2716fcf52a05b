import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Target } from "../target.ts";
import type { Body } from "./body.ts";
import { ChunkedBody, SizedBody } from "./body.ts";

const READ_BUFFER = 262_144;
const HEAD_END = "\r\n\r\n";

export type Answer = { status: number; bytes: number };

/**
 * One keep-alive HTTP/1.1 connection, one request at a time, no more of the protocol than a load generator
 * needs: it reads into a single buffer, counts the body's bytes and keeps none, so that what is measured is the
 * other end.
 */
export class Connection implements Disposable {
  readonly socket: Socket;
  /** Called for every read with the bytes of the present body so far. */
  onProgress: ((bytes: number) => void) | undefined;
  #head = "";
  #status = 0;
  #body: Body | undefined;
  #settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection was closed before the answer's end")));
  }

  static async open(target: Target, signal: AbortSignal): Promise<Connection> {
    const { host, port } = target;
    const onread = {
      buffer: Buffer.allocUnsafe(READ_BUFFER),
      callback: (length: number, buffer: Uint8Array): boolean => {
        connection.#read(buffer as Buffer, length);
        return true;
      },
    };
    const socket = connect({ host, port, onread, signal });
    const connection = new Connection(socket);
    await once(socket, "connect");
    return connection;
  }

  /** Sends a request that is ready as bytes; resolves at the answer's end. */
  send(request: Buffer): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
      if (this.socket.destroyed) this.#fail(new Error("the connection is closed"));
      else this.socket.write(request);
    });
  }

  [Symbol.dispose](): void {
    this.#settle = undefined;
    this.socket.destroy();
  }

  #read(buffer: Buffer, length: number): void {
    try {
      this.#parse(buffer.subarray(0, length));
    } catch (error) {
      this.socket.destroy();
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #parse(chunk: Buffer): void {
    const at = this.#body === undefined ? this.#takeHead(chunk) : 0;
    const body = this.#body;
    if (body === undefined) return;
    body.take(chunk, at);
    this.onProgress?.(body.received);
    if (body.ended) this.#end(body.received);
  }

  /** Takes what `chunk` holds of the head, makes the body once it is whole; returns where the body begins. */
  #takeHead(chunk: Buffer): number {
    const before = this.#head.length;
    this.#head += chunk.toString("latin1");
    const end = this.#head.indexOf(HEAD_END);
    if (end === -1) return chunk.byteLength;
    const head = this.#head.slice(0, end);
    this.#head = "";
    this.#status = Number(head.slice(9, 12));
    this.#body = bodyOf(head);
    return end + HEAD_END.length - before;
  }

  #end(bytes: number): void {
    const answer = { status: this.#status, bytes };
    this.#body = undefined;
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.resolve(answer);
  }

  #fail(error: Error): void {
    this.#settle?.reject(error);
    this.#settle = undefined;
  }
}

function bodyOf(head: string): Body {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return new SizedBody(Number(length));
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return new ChunkedBody();
  throw new Error(`an answer without a length: ${head}`);
}

/** @throws Error unless the answer is a 200 of exactly `bytes` bytes */
export function expectAnswer(answer: Answer, bytes: number, what: string): void {
  if (answer.status !== 200) throw new Error(`${what}: answered ${answer.status}`);
  if (answer.bytes !== bytes) throw new Error(`${what}: ${answer.bytes} bytes came, not ${bytes}`);
}
