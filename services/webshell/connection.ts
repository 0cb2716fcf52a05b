import type { RawData, WebSocket } from "ws";
import type { ServerMessage } from "./messages.ts";
import { parseClientMessage } from "./messages.ts";
import type { Position, Terminal, Viewer } from "./terminal.ts";

/**
 * Milliseconds between two pings. Idle connections are cut after about 100 s on the way, and a ping of the WebSocket
 * protocol is answered by the next hop, not by the page: these are messages.
 */
const PING = 25_000;
/** Pings after which a page that never answers is gone. */
const MISSED = 3;

/** The WebSocket codes for what is closed here (RFC 6455, section 7.4.1). */
const CLOSE = { normal: 1000, unsupported: 1003 } as const;

/** `?epoch=…&offset=…` of a page that was here before. */
export function positionIn(query: URLSearchParams): Position | undefined {
  const epoch = query.get("epoch");
  const offset = Number(query.get("offset") ?? NaN);
  return epoch !== null && Number.isSafeInteger(offset) ? { epoch, offset } : undefined;
}

/** Joins one page's WebSocket to the terminal, until either is gone. */
export function connectPage(socket: WebSocket, terminal: Terminal, position: Position | undefined): void {
  const tell = (message: ServerMessage): void => socket.send(JSON.stringify(message));
  const viewer: Viewer = { send: (output) => socket.send(output), tell };

  let missed = 0;
  const timer = setInterval(() => {
    if (missed++ < MISSED) tell({ type: "ping" });
    else socket.terminate();
  }, PING);

  socket.on("message", (data: RawData, isBinary: boolean) => {
    missed = 0;
    // ws hands a message over as one Buffer, its `binaryType` left as it is.
    if (!Buffer.isBuffer(data)) return;
    if (isBinary) return terminal.write(data.toString());
    const message = parseClientMessage(data.toString());
    switch (message?.type) {
      case undefined:
        return socket.close(CLOSE.unsupported, "no such message");
      case "resize":
        return terminal.resize(viewer, message.columns, message.rows);
      case "ack":
        return terminal.acknowledge(viewer, message.offset);
      case "hide":
        return terminal.hide(viewer);
      case "pong":
        return;
    }
  });
  // A connection that breaks closes next.
  socket.on("error", () => {});
  socket.on("close", () => {
    clearInterval(timer);
    terminal.detach(viewer);
  });
  terminal.attach(viewer, position);
}

/** Tells a page that the session is over. */
export function dismissPage(socket: WebSocket): void {
  socket.close(CLOSE.normal, "the shell has ended");
}
