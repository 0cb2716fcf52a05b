import type { ClientRequest, IncomingMessage } from "node:http";
import { type RawData, WebSocket } from "ws";
import type { EdgeFrame } from "../../contract/frames.ts";
import type { AnswerSender, AnswerSource } from "./answer.ts";
import { toWire } from "./header-text.ts";
import { LOOPBACK } from "./loopback.ts";
import { rawHeaders } from "./raw-headers.ts";
import { tunnelAgent } from "./tunnel-agent.ts";
import type { ServiceAddress } from "./upstream.ts";

type WebSocketHead = Extract<EdgeFrame, { type: "websocket" }>;

/** Bytes that may wait on one side before the other is held back, and the mark at which it goes on. */
const HIGH_WATER = 1_048_576;
const LOW_WATER = 262_144;

/**
 * Bytes that are sent to the edge before it has answered a ping behind them. workerd turns to its other connections when one
 * has nothing more for it: a stream that always had would hold up everything else, the link's heartbeat too.
 */
const UNANSWERED = 8_388_608;

/** A message is whole in memory while it passes. The edge's platform caps it at 32 MiB (docs/scale.md); bytes. */
const LARGEST_MESSAGE = 67_108_864;

/**
 * A closing handshake that takes longer than this is cut; milliseconds. Its answer comes behind all that was said before:
 * what waits for a slow reader would be lost with it.
 */
const CLOSE_TIMEOUT_MS = 60_000;

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * A mask of zeros leaves the payload as it is, which spares a pass over every byte. Masking defends intermediaries
 * that mistake frames for requests (RFC 6455, section 10.3); there are none on loopback or inside TLS.
 */
const generateMask = (mask: Buffer): void => {
  mask.fill(0);
};

const COMMON = {
  perMessageDeflate: false,
  skipUTF8Validation: true,
  generateMask,
  maxPayload: LARGEST_MESSAGE,
  autoPong: false,
  closeTimeout: CLOSE_TIMEOUT_MS,
} as const;

/** How the edge takes its end: `ws(s)://<edge>/agent/streams/<id>`. */
export type EdgeSocket = (id: string, protocol: string) => { url: string; headers: Record<string, string> };

/** A close code that may be sent; what only says how a connection ended (1005, 1006, 1015) may not (RFC 6455, section 7.4). */
const isSendable = (code: number): boolean =>
  code !== 1005 && code !== 1006 && code !== 1015 && code !== 1004;

/**
 * Couples a browser's WebSocket, by way of the edge, with the service's: messages, close codes, back-pressure. When the
 * service refuses the upgrade, it is the source of the answer that says so.
 */
export class SocketBridge implements AnswerSource {
  /** Bytes of the messages that have come from either side since they were last taken; see traffic.ts. */
  readonly bytes = { toBrowser: 0, toService: 0 };
  #service: WebSocket | undefined;
  #edge: WebSocket | undefined;
  #refusal: IncomingMessage | undefined;
  #onOver: () => void = () => undefined;

  /** Opens the service's side, and once that is open the edge's. `onUse`: the browser has said something. */
  open(
    head: WebSocketHead,
    { port, connect }: ServiceAddress,
    edge: EdgeSocket,
    sender: AnswerSender,
    hooks: { onOver: () => void; onUse: () => void },
  ): void {
    const tls = head.target.kind === "port" && head.target.tls;
    const offered = protocolsOf(head.headers);
    let protocol = "";
    const service = new WebSocket(`${tls ? "wss" : "ws"}://localhost:${port}/`, {
      ...COMMON,
      ...LOOPBACK,
      ...(connect !== undefined && { agent: tunnelAgent(connect, tls) }),
      headers: objectOf(head.headers),
      handshakeTimeout: CONNECT_TIMEOUT_MS,
      followRedirects: false,
      // The request's path is the browser's, byte for byte; a URL would have normalised it.
      finishRequest: (request: ClientRequest) => {
        request.path = toWire(head.path);
        request.end();
      },
    });
    this.#service = service;
    service.on("upgrade", (response) => {
      // The offer goes as a header of the browser's: `ws` would refuse a service that chooses nothing of its own offer,
      // which a browser does not (RFC 6455, section 4.1). A choice that was not offered it still refuses.
      const chosen = response.headers["sec-websocket-protocol"] ?? "";
      if (!offered.includes(chosen)) return;
      protocol = chosen;
      delete response.headers["sec-websocket-protocol"];
    });
    service.on("unexpected-response", (_request, response) => {
      this.#refusal = response;
      answerWith(response, sender);
    });
    service.on("error", (error) => {
      // Without a handshake this is the answer; afterwards `close` follows and tells the browser.
      if (this.#edge === undefined && !sender.hasHead)
        sender.fail("refused", `the application's WebSocket cannot be opened: ${error.message}`);
    });
    service.on("open", () => {
      // A service may speak first, before the edge's end is there.
      service.pause();
      this.#edge = this.#connect(edge(head.id, protocol), protocol, service, sender);
      this.#edge.on("message", hooks.onUse);
    });
    this.#onOver = hooks.onOver;
    service.on("close", () => this.#closed());
  }

  pause(): void {
    this.#refusal?.pause();
  }

  resume(): void {
    this.#refusal?.resume();
  }

  /** Ends both sides at once: the session is over, or the link is gone, or nobody waits for the upgrade any more. */
  abort(): void {
    this.#refusal?.destroy();
    this.#service?.terminate();
    this.#edge?.terminate();
  }

  /** One side has closed. It is over with both: the other may still have to read. */
  #closed(): void {
    const isOpen = [this.#service, this.#edge].some(
      (side) => side !== undefined && side.readyState !== WebSocket.CLOSED,
    );
    if (!isOpen) this.#onOver();
  }

  #connect(
    { url, headers }: ReturnType<EdgeSocket>,
    protocol: string,
    service: WebSocket,
    sender: AnswerSender,
  ): WebSocket {
    const socket = new WebSocket(url, protocol === "" ? [] : [protocol], {
      ...COMMON,
      headers,
    });
    socket.on("open", () => {
      // Whoever is gone by now tells nobody of it any more.
      if (service.readyState !== WebSocket.OPEN) {
        socket.terminate();
        return;
      }
      couple(service, socket, (bytes) => (this.bytes.toBrowser += bytes), new Pace(socket));
      couple(socket, service, (bytes) => (this.bytes.toService += bytes));
      service.resume();
    });
    socket.on("close", () => this.#closed());
    socket.on("error", (error) => {
      sender.fail("broken", `the edge did not take the WebSocket: ${error.message}`);
      service.terminate();
    });
    return socket;
  }
}

const sizeOf = (data: RawData): number =>
  Array.isArray(data) ? data.reduce((sum, { byteLength }) => sum + byteLength, 0) : data.byteLength;

/** Whether the edge has answered enough of what was sent to it (RFC 6455, section 5.5.3). */
class Pace {
  readonly #edge: WebSocket;
  #unanswered = 0;

  constructor(edge: WebSocket) {
    this.#edge = edge;
    edge.on("pong", () => (this.#unanswered = 0));
  }

  get isHeld(): boolean {
    return this.#unanswered >= UNANSWERED;
  }

  /** A message is being sent. */
  sent(bytes: number): void {
    const wasHeld = this.isHeld;
    this.#unanswered += bytes;
    if (this.isHeld && !wasHeld) this.#edge.ping();
  }
}

/** Passes messages one way, holding the sender back while the receiver is behind; then the close. */
function couple(from: WebSocket, to: WebSocket, count: (bytes: number) => void, pace?: Pace): void {
  const goOn = (): void => {
    if (from.isPaused && to.bufferedAmount <= LOW_WATER && pace?.isHeld !== true) from.resume();
  };
  from.on("message", (data: RawData, isBinary: boolean) => {
    const size = sizeOf(data);
    count(size);
    if (to.readyState !== WebSocket.OPEN) return;
    to.send(data, { binary: isBinary }, goOn);
    pace?.sent(size);
    if (to.bufferedAmount > HIGH_WATER || pace?.isHeld === true) from.pause();
  });
  to.on("pong", goOn);
  // Whoever does not read what waits for them gets no pongs, either: these would wait behind it.
  from.on("ping", (data) => {
    if (from.bufferedAmount <= HIGH_WATER) from.pong(data);
  });
  from.on("close", (code, reason) => {
    if (code === 1005) to.close();
    else if (isSendable(code)) to.close(code, reason);
    else to.terminate();
  });
}

function answerWith(response: IncomingMessage, sender: AnswerSender): void {
  sender.head(response.statusCode ?? 502, rawHeaders(response), null);
  response.on("data", (chunk: Buffer) => sender.write(chunk));
  response.on("end", () => sender.end());
  response.on("error", (error) => sender.fail("broken", error.message));
}

/** A subprotocol's name is a token (RFC 6455, section 4.1). */
const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/;

function protocolsOf(headers: readonly [string, string][]): string[] {
  const lists = headers.filter(([name]) => name === "sec-websocket-protocol").map(([, value]) => value);
  const names = lists.flatMap((list) => list.split(",").map((protocol) => protocol.trim()));
  return names.filter((name) => TOKEN.test(name));
}

function objectOf(headers: readonly [string, string][]): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = {};
  for (const [name, value] of headers) {
    const earlier = object[name];
    object[name] = earlier === undefined ? toWire(value) : [earlier, toWire(value)].flat();
  }
  return object;
}
