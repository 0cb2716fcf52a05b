/**
 * The service that the suite puts behind a proxy: `node target.ts --port 0 [--tls] [--keep] [--public-port N]`.
 * With `--keep` it is told its base path, as a service whose prefix is not stripped is. Prints `listening <port>`.
 */
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { parseArgs } from "node:util";
import { selfSigned } from "../../support/self-signed.ts";
import * as exchanges from "./exchanges.ts";
import { openSockets, upgrade } from "./sockets.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    "public-port": { type: "string" },
    tls: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});

const connections = new WeakMap<Socket, number>();
/** Under a TLS connection is a TCP one, and only that one can be reset; they share their remote port. */
const tcp = new Map<number | undefined, Socket>();
let connectionCount = 0;
const openRequests = new Set<IncomingMessage>();
/** Every target that arrived, so that the suite can ask whether one it smuggled did. */
const seen: string[] = [];

const site: exchanges.Site = {
  port: 0,
  prefix: "",
  connectionOf: (request) => connections.get(request.socket) ?? 0,
  reset: (request) => {
    tcp.get(request.socket.remotePort)?.resetAndDestroy();
    request.socket.destroy();
  },
};

const HANDLERS: Record<string, exchanges.Handler> = {
  "/answer": exchanges.answer,
  "/hold": exchanges.holdOpen,
  "/held": exchanges.held,
  "/download": exchanges.download,
  "/file": exchanges.file,
  "/early": exchanges.early,
  "/huge-head": exchanges.hugeHead,
  "/seen": (_request, response, query) => {
    const text = query.get("text") ?? "";
    exchanges.sendJson(
      response,
      seen.filter((target) => target.includes(text) && !target.includes("/seen?")).length,
    );
  },
  "/open": (_request, response) =>
    exchanges.sendJson(response, {
      requests: [...openRequests]
        .map((request) => request.url ?? "")
        .filter((target) => !target.endsWith("/open")),
      sockets: openSockets(),
    }),
  /** Lives on but listens no more: a dead target under a live session. */
  "/deafen": (_request, response) => {
    server.close();
    response.once("finish", () => server.closeAllConnections());
    exchanges.sendJson(response, true);
  },
};

/** The request's path behind the prefix, for choosing a behaviour only; what arrived is reported as it came. */
function pathOf(request: IncomingMessage): URL {
  const target = request.url ?? "";
  const path = target.startsWith(`${site.prefix}/`) ? target.slice(site.prefix.length) : target;
  return URL.parse(`http://service${path.startsWith("/") ? path : "/"}`) ?? new URL("http://service/");
}

async function onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  seen.push(request.url ?? "");
  openRequests.add(request);
  response.once("close", () => openRequests.delete(request));
  const path = pathOf(request);
  try {
    const known = path.searchParams.has("spec") ? exchanges.answer : HANDLERS[path.pathname];
    await (known ?? exchanges.inspect)(request, response, path.searchParams, site);
  } catch {
    // The other side has gone, or asked for nonsense: either way this exchange is over.
    response.destroy();
  }
}

const options = { maxHeaderSize: 131_072, keepAliveTimeout: 60_000, requestTimeout: 0 };
const server = values.tls
  ? createHttpsServer({ ...selfSigned("localhost"), ...options })
  : createHttpServer(options);
server.on(
  "request",
  (request: IncomingMessage, response: ServerResponse) => void onRequest(request, response),
);
server.on("upgrade", (request: IncomingMessage, connection: Socket, head: Buffer) => {
  seen.push(request.url ?? "");
  connection.on("error", () => {});
  upgrade(request, connection, head, pathOf(request), site);
});
server.on("connection", (socket: Socket) => {
  const { remotePort } = socket;
  tcp.set(remotePort, socket);
  socket.once("close", () => tcp.delete(remotePort));
});
server.on(values.tls ? "secureConnection" : "connection", (socket: Socket) => {
  connectionCount += 1;
  connections.set(socket, connectionCount);
});
server.listen(Number(values.port), "127.0.0.1", () => {
  site.port = (server.address() as AddressInfo).port;
  const scheme = values.tls ? "sme" : "me";
  site.prefix = values.keep ? `/${scheme}/${values["public-port"] ?? site.port}` : "";
  process.stdout.write(`listening ${site.port}\n`);
});
// Without a listener Node still has to live: a deafened service's process must not end.
const alive = setInterval(() => {}, 60_000);
process.once("SIGTERM", () => {
  clearInterval(alive);
  process.exit(0);
});
