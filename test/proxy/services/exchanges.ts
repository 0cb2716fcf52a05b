import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { buffer } from "node:stream/consumers";
import { hold, heldUnder, type Held } from "./held.ts";
import { payload } from "./payload.ts";
import type { AnswerSpec, HeldAction, Inspection } from "./protocol.ts";

/** What a handler is told of the service it stands in. */
export type Site = {
  port: number;
  prefix: string;
  /** The number of the request's connection, counted from 1. */
  connectionOf(request: IncomingMessage): number;
  /** Ends the request's connection by a reset. */
  reset(request: IncomingMessage): void;
};

export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
  site: Site,
) => Promise<void> | void;

/** Node's flat list of names and values as pairs. */
export function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, index) =>
    index % 2 === 0 ? [[name, flat[index + 1] ?? ""] as [string, string]] : [],
  );
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
}

/** Says what arrived: the head as it stood on the wire, the body's length and hash. */
export const inspect: Handler = async (request, response, _query, site) => {
  const hash = createHash("sha256");
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    hash.update(piece);
    length += piece.length;
  }
  const inspection: Inspection = {
    method: request.method ?? "",
    target: request.url ?? "",
    headers: pairs(request.rawHeaders),
    connection: site.connectionOf(request),
    body: { length, sha256: hash.digest("hex"), trailers: pairs(request.rawTrailers) },
  };
  sendJson(response, inspection);
};

/** Answers what the query's `spec` says. */
export const answer: Handler = async (request, response, query, site) => {
  const spec = JSON.parse(query.get("spec") ?? "{}") as AnswerSpec;
  await buffer(request);
  if (spec.raw !== undefined) {
    request.socket.write(Buffer.from(spec.raw, "base64"));
    if (spec.stayOpen !== true) request.socket.end();
    return;
  }
  if (spec.interim === true) {
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    response.writeProcessing();
  }
  const fill = (value: string) =>
    value
      .replaceAll("{host}", request.headers.host ?? "")
      .replaceAll("{port}", String(site.port))
      .replaceAll("{prefix}", site.prefix);
  const headers = (spec.headers ?? []).flatMap(([name, value]) => [name, fill(value)]);
  const status = spec.status ?? 200;
  if (spec.reason === undefined) response.writeHead(status, headers);
  else response.writeHead(status, spec.reason, headers);
  if (spec.body !== undefined) response.write(Buffer.from(spec.body, "base64"));
  if (spec.trailers !== undefined) response.addTrailers(spec.trailers);
  response.end();
};

function steer(held: Held, request: IncomingMessage, response: ServerResponse, site: Site): void {
  held.actions.write = (body) => {
    held.countSent(body.length);
    response.write(body);
  };
  held.actions.end = () => void response.end();
  held.actions.destroy = () => void request.socket.destroy();
  held.actions.reset = () => site.reset(request);
  response.once("close", () => held.end(response.writableFinished && request.complete));
}

/**
 * Keeps the exchange open for the suite to steer. `head=later` sends the head with the first write; `read=later` leaves
 * the request's body unread until told; `length` announces one.
 */
export const holdOpen: Handler = (request, response, query, site) => {
  const held = hold(query);
  steer(held, request, response, site);
  const length = query.get("length");
  response.writeHead(200, {
    "content-type": query.get("type") ?? "text/plain",
    ...(length === null ? {} : { "content-length": length }),
  });
  // Ended with its last byte: on a connection whose answer is complete but not ended, the next one would wait.
  if (length !== null)
    held.actions.write = (body) => {
      held.countSent(body.length);
      if (held.sent < Number(length)) response.write(body);
      else response.end(body);
    };
  if (query.get("head") !== "later") response.flushHeaders();
  const read = () => {
    request.on("data", (piece: Buffer) => held.countReceived(piece.length));
  };
  if (query.get("read") === "later") held.actions.read = read;
  else read();
};

/** Sends `bytes` of the payload named by `seed`, held, with a length or (`framing=chunked`) without. */
export const download: Handler = async (request, response, query, site) => {
  const held = hold(query);
  steer(held, request, response, site);
  const length = Number(query.get("bytes"));
  const sized = query.get("framing") === "chunked" ? {} : { "content-length": length };
  response.writeHead(200, { "content-type": "application/octet-stream", ...sized });
  function* counted(): Generator<Buffer> {
    for (const piece of payload(query.get("seed") ?? "", request.method === "HEAD" ? 0 : length)) {
      held.countSent(piece.length);
      yield piece;
    }
  }
  await pipeline(counted, response);
};

const BLOB = Buffer.concat([...payload("blob", 100_000)]);
const ETAG = '"blob-1"';

/** A file as a static server has it: validators, one range, conditional requests. */
export const file: Handler = (request, response) => {
  const base = { etag: ETAG, "accept-ranges": "bytes" };
  if (request.headers["if-none-match"] === ETAG) {
    response.writeHead(304, base).end();
    return;
  }
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  const [from, to] = range === null ? [0, BLOB.length - 1] : [Number(range[1]), Number(range[2])];
  const part = BLOB.subarray(from, to + 1);
  response.writeHead(range === null ? 200 : 206, {
    ...base,
    "content-length": part.length,
    ...(range === null ? {} : { "content-range": `bytes ${from}-${to}/${BLOB.length}` }),
  });
  response.end(part);
};

/** Answers with a head of 1 MiB. */
export const hugeHead: Handler = (request) => {
  request.socket.end(`HTTP/1.1 200 OK\r\nX-Huge: ${"x".repeat(1_048_576)}\r\nContent-Length: 2\r\n\r\nok`);
};

/** Answers at once, whatever of the body has come. */
export const early: Handler = (_request, response) => sendJson(response, { refused: true }, 413);

/** What is known of the exchange under `key`; with `do`, after having done it. */
export const held: Handler = async (request, response, query) => {
  const body = await buffer(request);
  const exchange = heldUnder(query.get("key") ?? "");
  const action = query.get("do") as HeldAction | null;
  if (exchange === undefined || (action !== null && exchange.actions[action] === undefined)) {
    sendJson(response, null, 404);
    return;
  }
  if (action !== null) exchange.actions[action]?.(body);
  sendJson(response, exchange.state);
};
