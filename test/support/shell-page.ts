import { once } from "node:events";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import type { ClientMessage, ServerMessage } from "../../services/webshell/messages.ts";
import { eventually } from "./eventually.ts";

type Attach = Extract<ServerMessage, { type: "attach" }>;

/** Bytes: as much as a page is ever given when it begins anew. */
const KEPT = 524_288;

/** What a browser's page is to the shell: shows output, acknowledges it unless told not to, types. */
export class ShellPage {
  readonly socket: WebSocket;
  readonly messages: ServerMessage[] = [];
  #shown = Buffer.alloc(0);
  #offset = 0;
  /** Bytes that came over the socket. */
  received = 0;
  acknowledges = true;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      if (isBinary) this.#output(data);
      else this.#message(JSON.parse(data.toString()));
    });
  }

  /** Opens a page at the server of `port`, as the edge does it for a browser. */
  static async open(
    { port, basepath }: { port: number; basepath: string },
    options: { position?: { epoch: string; offset: number }; acknowledges?: boolean } = {},
  ): Promise<ShellPage> {
    const { epoch, offset } = options.position ?? {};
    const query = epoch === undefined ? "" : `?epoch=${epoch}&offset=${offset}`;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket${query}`, {
      headers: { "x-forwarded-prefix": basepath },
    });
    const page = new ShellPage(socket);
    page.acknowledges = options.acknowledges ?? true;
    onTestFinished(() => socket.terminate());
    await once(socket, "open");
    await eventually(() => page.attach, { what: "the first message" });
    return page;
  }

  /** The last word on where the output begins. */
  get attach(): Attach | undefined {
    return this.messages.findLast((message) => message.type === "attach");
  }

  /** The end of the output since the page last began anew. */
  get text(): string {
    return this.#shown.toString();
  }

  get offset(): number {
    return this.#offset;
  }

  tell(message: ClientMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  type(keys: string): void {
    this.socket.send(Buffer.from(keys));
  }

  acknowledge(): void {
    this.tell({ type: "ack", offset: this.#offset });
  }

  /** Waits until the output matches. */
  async shows(pattern: RegExp, timeoutMs = 30_000): Promise<boolean> {
    const what = `${String(pattern)} on the page`;
    return await eventually(() => pattern.test(this.text), { what, timeoutMs }).catch((error: unknown) => {
      throw new Error(`${what}; it shows ${JSON.stringify(this.text.slice(-2000))}`, { cause: error });
    });
  }

  async says<Type extends ServerMessage["type"]>(
    type: Type,
    fits: (message: Extract<ServerMessage, { type: Type }>) => boolean = () => true,
  ): Promise<Extract<ServerMessage, { type: Type }>> {
    const isIt = (message: ServerMessage): message is Extract<ServerMessage, { type: Type }> =>
      message.type === type && fits(message as Extract<ServerMessage, { type: Type }>);
    return await eventually(() => this.messages.find(isIt), { what: `a message ${type}` });
  }

  #output(data: Buffer): void {
    this.#shown = Buffer.concat([this.#shown.subarray(-KEPT), data]);
    this.received += data.length;
    this.#offset += data.length;
    if (this.acknowledges) this.acknowledge();
  }

  #message(message: ServerMessage): void {
    this.messages.push(message);
    if (message.type === "ping") this.tell({ type: "pong" });
    if (message.type !== "attach") return;
    this.#offset = message.offset;
    if (message.isFresh) this.#shown = Buffer.alloc(0);
  }
}
