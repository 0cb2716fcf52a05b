import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { hostname } from "node:os";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { WebSocket } from "ws";
import { WebSocketServer } from "ws";
import { drained } from "./load/drained.ts";
import { FLOOD_MESSAGE, flood } from "./load/flood.ts";

/*
 * The service that every side of the bench reaches: `node bench/service.ts <port> [seconds before it listens]`.
 *
 *   GET  /1k            1 KiB
 *   GET  /bytes?n=      n bytes
 *   GET  /since         {since, host, port}: when it began to listen, milliseconds since 1970, and where
 *   POST /sink?n=       answers 200 if n bytes came; with &stall=&after= it stops reading for so many
 *                       milliseconds once so many bytes have come
 *   WS   /echo          every message back as it came
 *   WS   /source?n=     n bytes in messages of 64 KiB, then a close
 *   WS   /sink?n=       answers "done" once n bytes have come
 */

const KIBIBYTE = Buffer.alloc(1024, "k");
const CHUNK = Buffer.alloc(262_144, "c");

const [port, wait = "0"] = process.argv.slice(2).map(Number);
let since = 0;

const number = (url: URL, name: string): number => Number(url.searchParams.get(name) ?? 0);

function kibibyte(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/plain", "content-length": KIBIBYTE.byteLength });
  response.end(KIBIBYTE);
}

async function bytes(_request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const total = number(url, "n");
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": total });
  for (let sent = 0; sent < total && !response.destroyed; sent += CHUNK.byteLength) {
    if (!response.write(CHUNK.subarray(0, total - sent))) await drained(response);
  }
  response.end();
}

async function sink(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  const after = number(url, "after");
  let stall = number(url, "stall");
  let received = 0;
  request.on("data", (chunk: Buffer) => {
    received += chunk.byteLength;
    if (stall === 0 || received < after) return;
    request.pause();
    setTimeout(() => request.resume(), stall);
    stall = 0;
  });
  await once(request, "end");
  response.writeHead(received === number(url, "n") ? 200 : 400, { "content-length": 0 }).end();
}

function listeningSince(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ since, host: hostname(), port }));
}

type Answer = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>;
const ROUTES: Record<string, Answer> = {
  "GET /1k": kibibyte,
  "GET /bytes": bytes,
  "GET /since": listeningSince,
  "POST /sink": sink,
};

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://service");
  const route = ROUTES[`${request.method} ${url.pathname}`];
  if (route === undefined) response.writeHead(url.pathname === "/" ? 200 : 404).end();
  else await route(request, response, url);
}

function echo(socket: WebSocket): void {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
}

function source(socket: WebSocket, url: URL): void {
  void flood(socket, number(url, "n")).then(
    () => socket.close(1000),
    () => socket.terminate(),
  );
}

function webSocketSink(socket: WebSocket, url: URL): void {
  const total = number(url, "n");
  let received = 0;
  socket.on("message", (data: Buffer) => {
    received += data.byteLength;
    if (received >= total) socket.send("done");
  });
}

const SOCKETS: Record<string, (socket: WebSocket, url: URL) => void> = {
  "/echo": echo,
  "/source": source,
  "/sink": webSocketSink,
};

const sockets = new WebSocketServer({ noServer: true, maxPayload: FLOOD_MESSAGE, perMessageDeflate: false });

function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const url = new URL(request.url ?? "/", "http://service");
  const route = SOCKETS[url.pathname];
  if (route === undefined) socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
  else
    sockets.handleUpgrade(request, socket, head, (client) => {
      client.on("error", () => client.terminate());
      route(client, url);
    });
}

await delay(Number(wait) * 1000);
const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.on("upgrade", upgrade);
server.listen(port, "127.0.0.1", () => {
  since = performance.timeOrigin + performance.now();
});
