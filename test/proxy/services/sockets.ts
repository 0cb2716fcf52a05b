import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type RawData, type WebSocket } from "ws";
import { pairs, type Site } from "./exchanges.ts";
import { hold, type Held } from "./held.ts";
import { payload } from "./payload.ts";
import type { Inspection } from "./protocol.ts";

type Behaviour = (
  socket: WebSocket,
  held: Held,
  query: URLSearchParams,
  request: IncomingMessage,
  site: Site,
) => void;

const size = (data: RawData): number =>
  Array.isArray(data) ? data.reduce((sum, piece) => sum + piece.byteLength, 0) : data.byteLength;

const echo: Behaviour = (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
};

/** Sends `bytes` in messages of 64 KiB, each once the one before it has left. */
const flood: Behaviour = (socket, held, query) => {
  const pieces = payload(query.get("seed") ?? "", Number(query.get("bytes")));
  const next = (): void => {
    const piece = pieces.next();
    if (piece.done === true) return;
    socket.send(piece.value, (error) => {
      if (error) return;
      held.countSent(piece.value.length);
      next();
    });
  };
  next();
};

const BEHAVIOURS: Record<string, Behaviour> = {
  "/ws/echo": echo,
  "/ws/deflate": echo,
  /** Speaks first, then echoes. */
  "/ws/hello": (socket, held, query, request, site) => {
    socket.send("hello");
    echo(socket, held, query, request, site);
  },
  "/ws/inspect": (socket, _held, _query, request, site) => {
    const inspection: Inspection = {
      method: request.method ?? "",
      target: request.url ?? "",
      headers: pairs(request.rawHeaders),
      connection: site.connectionOf(request),
      body: { length: 0, sha256: "", trailers: [] },
    };
    socket.send(JSON.stringify(inspection));
  },
  /** Takes messages and sends what it is told. */
  "/ws/hold": () => {},
  /** Reads nothing until told. */
  "/ws/stall": (socket, held) => {
    socket.pause();
    held.actions.read = () => socket.resume();
  },
  "/ws/flood": flood,
  /** Sends the number of each message of `count`. */
  "/ws/count": (socket, _held, query) => {
    for (let index = 0; index < Number(query.get("count")); index += 1) socket.send(String(index));
  },
  /** One text message in several frames. */
  "/ws/fragments": (socket) => {
    for (const [index, part] of ["one ", "two ", "three"].entries()) socket.send(part, { fin: index === 2 });
  },
};

function steer(socket: WebSocket, held: Held, request: IncomingMessage, site: Site): void {
  const write = (body: Buffer, binary: boolean): void => {
    held.countSent(body.length);
    socket.send(body, { binary });
  };
  held.actions.write = (body) => write(body, true);
  held.actions.writeText = (body) => write(body, false);
  held.actions.ping = (body) => socket.ping(body);
  held.actions.close = (body) => socket.close(...(JSON.parse(body.toString()) as [number?, string?]));
  held.actions.destroy = () => socket.terminate();
  held.actions.reset = () => site.reset(request);
  /** Ends its side of the TCP connection without a Close frame. */
  held.actions.finish = () => void request.socket.end();
  socket.on("message", (data) => {
    held.messagesReceived += 1;
    held.countReceived(size(data));
  });
  socket.on("ping", () => (held.pings += 1));
  socket.on("pong", () => (held.pongs += 1));
  socket.on("error", () => {});
  socket.on("close", (code, reason) => {
    held.close = { code, reason: reason.toString() };
    held.end(code !== 1006);
  });
}

const server = (perMessageDeflate: boolean): WebSocketServer =>
  new WebSocketServer({
    noServer: true,
    perMessageDeflate,
    maxPayload: 64 * 1_048_576,
    handleProtocols: (offered, request) => {
      const chosen = new URL(request.url ?? "", "http://service").searchParams.get("choose");
      return chosen !== null && offered.has(chosen) ? chosen : false;
    },
  });

const plain = server(false);
const deflating = server(true);
/** A service may set cookies with its 101, too, and a bad one may choose a subprotocol that nobody offered. */
plain.on("headers", (headers, request) => {
  const query = new URL(request.url ?? "", "http://service").searchParams;
  headers.push(...query.getAll("set-cookie").map((cookie) => `Set-Cookie: ${cookie}`));
  headers.push(...query.getAll("impose").map((protocol) => `Sec-WebSocket-Protocol: ${protocol}`));
});

/** How many WebSockets are open. */
export const openSockets = (): number => plain.clients.size + deflating.clients.size;

function refuse(request: IncomingMessage, connection: Duplex, query: URLSearchParams): void {
  const body = "the service says no";
  const location = query.get("location");
  const lines = [
    `HTTP/1.1 ${query.get("status") ?? 404} Refused`,
    "Content-Type: text/plain",
    "X-Refused-By: service",
    `X-Seen-Target: ${request.url ?? ""}`,
    ...(location === null ? [] : [`Location: ${location}`]),
    `Content-Length: ${body.length}`,
    "Connection: close",
  ];
  connection.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** Answers an upgrade at `path` (without the prefix): a behaviour, or `/ws/refuse?status=` as plain HTTP. */
export function upgrade(
  request: IncomingMessage,
  connection: Duplex,
  head: Buffer,
  path: URL,
  site: Site,
): void {
  const query = path.searchParams;
  const behave = BEHAVIOURS[path.pathname];
  if (path.pathname === "/ws/destroy") connection.destroy();
  else if (behave === undefined) refuse(request, connection, query);
  else {
    // Corked, so that the handshake's answer and what is said at once leave in one segment.
    connection.cork();
    const target = path.pathname === "/ws/deflate" ? deflating : plain;
    target.handleUpgrade(request, connection, head, (socket) => {
      const held = hold(query);
      steer(socket, held, request, site);
      behave(socket, held, query, request, site);
    });
    connection.uncork();
  }
}
