import type { Target } from "../target.ts";
import { requestHead } from "../target.ts";
import { Connection, expectAnswer } from "./connection.ts";
import { drained } from "./drained.ts";
import { Progress } from "./progress.ts";

const CHUNK = Buffer.alloc(262_144, "u");

export type TransferOptions = { bytes: number; progress?: Progress; signal: AbortSignal };

/** GETs that many bytes; returns bytes per second, from the request to the last byte. A stall is this reader's. */
export async function download(target: Target, options: TransferOptions): Promise<number> {
  const { bytes, progress, signal } = options;
  using connection = await Connection.open(target, signal);
  connection.onProgress = (received) => progress?.advance(received, connection.socket);
  const begun = performance.now();
  const path = `/bytes?n=${bytes}`;
  expectAnswer(await connection.send(requestHead(target, "GET", path)), bytes, `GET ${path}`);
  return (bytes / (performance.now() - begun)) * 1000;
}

/**
 * POSTs that many bytes, no faster than they are taken; returns bytes per second, from the request to the answer.
 * The service holds what it has read against the length. A stall is the service's: it stops reading.
 */
export async function upload(target: Target, options: TransferOptions): Promise<number> {
  const { bytes, progress = new Progress(), signal } = options;
  using connection = await Connection.open(target, signal);
  const { stall } = progress;
  const stalls = stall === undefined ? "" : `&stall=${stall.milliseconds}&after=${stall.after}`;
  const path = `/sink?n=${bytes}${stalls}`;
  const head = requestHead(target, "POST", path, {
    "content-length": String(bytes),
    "content-type": "application/octet-stream",
  });
  const begun = performance.now();
  const answer = connection.send(head);
  await Promise.race([writeBody(connection, bytes, progress), answer]);
  expectAnswer(await answer, 0, `POST ${path}`);
  return (bytes / (performance.now() - begun)) * 1000;
}

async function writeBody({ socket }: Connection, bytes: number, progress: Progress): Promise<void> {
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += CHUNK.byteLength) {
    if (!socket.write(CHUNK.subarray(0, bytes - sent))) await drained(socket);
    progress.advance(sent);
  }
}
