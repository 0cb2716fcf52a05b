import { createServer } from "node:http";
import { pipeline } from "node:stream";
import { WebSocketServer } from "ws";

/*
 * A session's application with connections that stay open: `/events` is an event stream that says `hello` at once, `/endless` a
 * download without an end, and every WebSocket echoes. Its port is the one argument.
 */

const BLOCK = Buffer.alloc(65_536, "x");

function* endless(): Generator<Buffer> {
  for (;;) yield BLOCK;
}

const server = createServer((request, response) => {
  if (request.url === "/endless") {
    pipeline(endless(), response, () => undefined);
    return;
  }
  if (request.url !== "/events") {
    response.end("live");
    return;
  }
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write("data: hello\n\n");
});
new WebSocketServer({ server }).on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.listen(Number(process.argv[2]), "127.0.0.1");
