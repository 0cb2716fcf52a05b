import { once } from "node:events";
import { WebSocket } from "ws";
import type { HttpBrowser } from "./http-browser.ts";
import type { OidcEdge } from "./oidc-edge.ts";

type Stream = ReadableStreamDefaultReader<Uint8Array>;

/** What a browser has open of a session of live-service.ts, and of the console, by the ways that a browser has. */
export class LiveConnections {
  readonly #socket: WebSocket;
  readonly #streams: readonly Stream[];

  private constructor(socket: WebSocket, streams: readonly Stream[]) {
    this.#socket = socket;
    this.#streams = streams;
  }

  static async open(edge: OidcEdge, browser: HttpBrowser, port: string): Promise<LiveConnections> {
    const { response } = await browser.follow(`${edge.sessions}/me/${port}/`);
    const text = await response.text();
    if (response.status !== 200 || text !== "live") throw new Error(`${response.status} ${text}`);
    const socket = liveSocket(edge, browser, port);
    await once(socket, "open");
    const addresses = [
      `${edge.sessions}/me/${port}/events`,
      `${edge.sessions}/me/${port}/endless`,
      `${edge.console}/api/events`,
    ];
    const streams = await Promise.all(addresses.map((address) => begun(browser, address)));
    return new LiveConnections(socket, streams);
  }

  /** What the service answers on the WebSocket, which is the same. */
  async say(text: string): Promise<string> {
    const answered = once(this.#socket, "message");
    this.#socket.send(text);
    return String((await answered)[0]);
  }

  /** Resolves when everything has ended, by whatever kind of end. */
  async ended(): Promise<void> {
    const closed = this.#socket.readyState === WebSocket.CLOSED ? undefined : once(this.#socket, "close");
    await Promise.all([closed, ...this.#streams.map(drain)]);
  }

  async close(): Promise<void> {
    this.#socket.close();
    await Promise.all([once(this.#socket, "close"), ...this.#streams.map((stream) => stream.cancel())]);
  }
}

/** A WebSocket of a browser's to the service, which may be refused. */
export function liveSocket(edge: OidcEdge, browser: HttpBrowser, port: string): WebSocket {
  const { host, hostname, port: own } = new URL(edge.sessions);
  return new WebSocket(`ws://127.0.0.1:${own}/me/${port}/echo`, {
    headers: { host, origin: edge.sessions, cookie: browser.cookies(hostname) },
  });
}

/** An answer that has begun and does not end. */
async function begun(browser: HttpBrowser, address: string): Promise<Stream> {
  const response = await browser.go(address, { headers: { accept: "text/event-stream" } });
  if (response.status !== 200) throw new Error(`${address} answered ${response.status}`);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  if ((await reader.read()).done) throw new Error(`${address} has ended at once`);
  return reader;
}

async function drain(reader: Stream): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // An end that is an error is one.
  }
}
