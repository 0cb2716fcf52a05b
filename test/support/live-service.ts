import { createServer } from "node:http";
import { WebSocketServer } from "ws";

/*
 * A session's application with connections that stay open: `/events` is an event stream that says `hello` at once, and every
 * WebSocket echoes. Its port is the one argument.
 */

const server = createServer((request, response) => {
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
