import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { SessionEvent } from "../../contract/webhook.ts";
import { eventually } from "./eventually.ts";

/** A verified message, and when it came, in milliseconds since 1970. */
export type Received = { id: string; event: SessionEvent; path: string; at: number };

/** The platform's end of the webhooks: a real HTTP server that verifies what comes, and answers what the test says. */
export class WebhookReceiver implements AsyncDisposable {
  /** What came and was believed, in order, whatever was answered. */
  readonly received: Received[] = [];
  /** What came and was not. */
  readonly refused: string[] = [];
  /** Answers a message: 204, unless told otherwise. */
  answer: (message: Received, response: ServerResponse) => void = (_message, response) =>
    response.writeHead(204).end();
  readonly #key: string;
  readonly #server: Server;

  private constructor(key: string, server: Server) {
    this.#key = key;
    this.#server = server;
    server.on("request", (request, response) => {
      this.#take(request, response).catch((error: unknown) => {
        this.refused.push(String(error));
        response.writeHead(401).end();
      });
    });
  }

  /** @param key the one that it verifies with */
  static async start(key: string): Promise<WebhookReceiver> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    return new WebhookReceiver(key, server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  /** The first message that fits, as soon as it has come. */
  until(fits: (message: Received) => boolean, what: string): Promise<Received> {
    return eventually(() => this.received.find(fits), { what, timeoutMs: 60_000 });
  }

  /** The types of a session's messages, in the order in which they came. */
  typesOf(session: string): string[] {
    return this.received
      .filter(({ event }) => event.data.session.id === session)
      .map(({ event }) => event.type);
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const event = SessionEvent.parse(new Webhook(this.#key).verify(body, headers));
    const id = headers["webhook-id"] ?? "";
    const message = { id, event, path: request.url ?? "", at: Date.now() };
    this.received.push(message);
    this.answer(message, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
