/**
 * An application that has turned hostile, or was written so: `node hostile-service.ts <port>`. Its pages are empty; the
 * test runs in them what an attacker would. `/seen` tells what has reached it.
 */
import { createServer } from "node:http";

const seen: string[] = [];

const COOKIES = [
  "berth=planted; Path=/",
  "berth_session=planted; Path=/; Domain=localhost",
  "__Host-berth=planted; Path=/; Secure",
  "wide=1; Path=/; Domain=localhost",
  "wider=1; Domain=sessions.localhost; Path=/me",
];

const server = createServer((request, response) => {
  const [path = ""] = (request.url ?? "").split("?", 1);
  if (path !== "/seen") seen.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
  switch (request.url === "/?worker" ? "/worker.js" : path) {
    case "/seen":
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(seen));
      return;
    case "/worker.js":
      response.setHeader("content-type", "text/javascript");
      // Without a word of it, the script's own place says what it may rule.
      if (request.url === path) response.setHeader("service-worker-allowed", "/");
      response.end("self.addEventListener('fetch', () => undefined);");
      return;
    case "/cookies":
      response.setHeader("set-cookie", COOKIES);
      response.setHeader("clear-site-data", '"*"');
      break;
    default:
  }
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><title>hostile</title><p>hello</p>");
});
server.on("upgrade", (request, socket) => {
  seen.push(`UPGRADE ${request.url} ${JSON.stringify(request.headers)}`);
  socket.end("HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\n");
});
server.listen(Number(process.argv[2]), "127.0.0.1");
