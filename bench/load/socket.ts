import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { percentile } from "../statistics.ts";
import type { Target } from "../target.ts";
import { FLOOD_MESSAGE, maskedFlood } from "./flood.ts";
import type { TransferOptions } from "./transfer.ts";

export type Opened = { socket: WebSocket; connection: Socket };

/** Opens a WebSocket to the service; it is terminated when `signal` aborts. No compression on any side. */
export async function openSocket(target: Target, path: string, signal: AbortSignal): Promise<Opened> {
  signal.throwIfAborted();
  const url = `ws://${target.host}:${target.port}${target.prefix}${path}`;
  const headers = { host: `localhost:${target.port}`, ...target.headers };
  const connection = connect({ host: target.host, port: target.port, noDelay: true });
  const socket = new WebSocket(url, {
    headers,
    perMessageDeflate: false,
    maxPayload: FLOOD_MESSAGE,
    createConnection: () => connection,
  });
  const abort = (): void => socket.terminate();
  signal.addEventListener("abort", abort);
  socket.on("close", () => signal.removeEventListener("abort", abort));
  await once(socket, "open");
  return { socket, connection };
}

/** Resolves at the socket's close; an early or a failed end is an error. */
function closed(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", (code) => {
      if (code === 1000) resolve();
      else reject(new Error(`the WebSocket was closed with ${code}`));
    });
  });
}

export type EchoResult = {
  /** Milliseconds. */
  p50: number;
  p99: number;
};

type EchoOptions = { messages: number; bytes: number; signal: AbortSignal };

/** Sends one message at a time and waits for it to come back. */
export async function echo(target: Target, { messages, bytes, signal }: EchoOptions): Promise<EchoResult> {
  const { socket } = await openSocket(target, "/echo", signal);
  const end = closed(socket);
  const message = Buffer.alloc(bytes, "e");
  const times: number[] = [];
  let sent = performance.now();
  socket.on("message", (data: Buffer) => {
    const received = performance.now();
    times.push(received - sent);
    if (data.byteLength !== bytes) socket.terminate();
    else if (times.length === messages) socket.close(1000);
    else {
      sent = performance.now();
      socket.send(message);
    }
  });
  socket.send(message);
  await end;
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

/** Reads that many bytes of messages; returns bytes per second, from the opened socket to the last message. */
export async function receiveFlood(
  target: Target,
  { bytes, progress, signal }: TransferOptions,
): Promise<number> {
  const begun = performance.now();
  const { socket } = await openSocket(target, `/source?n=${bytes}`, signal);
  const end = closed(socket);
  let received = 0;
  let elapsed = 0;
  socket.on("message", (data: Buffer) => {
    received += data.byteLength;
    if (received >= bytes) elapsed = performance.now() - begun;
    progress?.advance(received, socket);
  });
  await end;
  if (received !== bytes) throw new Error(`${received} bytes came over the WebSocket, not ${bytes}`);
  return (bytes / elapsed) * 1000;
}

/** Sends that many bytes as messages; returns bytes per second, to the service's word that all have come. */
export async function sendFlood(target: Target, { bytes, signal }: TransferOptions): Promise<number> {
  const begun = performance.now();
  const { socket, connection } = await openSocket(target, `/sink?n=${bytes}`, signal);
  const end = closed(socket);
  let elapsed = 0;
  socket.once("message", () => {
    elapsed = performance.now() - begun;
    socket.close(1000);
  });
  await Promise.all([maskedFlood(connection, bytes), end]);
  return (bytes / elapsed) * 1000;
}
