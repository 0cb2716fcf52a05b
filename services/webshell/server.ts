/**
 * A shell in the browser.
 *
 *     server.ts --port 51458 --prefix /me/51458 --prefix /s/s4k2m9x0v7qrt --folder /home/ada --shell /bin/bash
 *
 * Serves one page and one WebSocket on 127.0.0.1. The shell lives as long as the server, whether or not a page is
 * open; pages that come later see the end of what was written before. Ends with the shell, with exit code 0; with 1
 * when the shell ended before anybody saw it.
 */
import { once } from "node:events";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { WebSocketServer } from "ws";
import { isOwnPeer } from "../shared/peer.ts";
import { serve } from "./assets.ts";
import { connectPage, dismissPage, positionIn } from "./connection.ts";
import { Terminal } from "./terminal.ts";
import { titleOf } from "./title.ts";

// `import … from "node:http"` reads every export, and with `WebSocket` undici is loaded: 50 ms of processor time.
const { createServer } = process.getBuiltinModule("node:http");

/** Shells that read the user's profile when told `-l`. Others start as they are. */
const LOGIN_SHELLS = new Set(["bash", "zsh", "fish", "ksh", "mksh", "dash", "ash", "sh", "tcsh", "csh"]);
/** Bytes. A page cuts what it sends, also a large paste, into smaller messages. */
const LARGEST_MESSAGE = 1_048_576;
/** Milliseconds, the least time between two looks for the title. */
const TITLE_INTERVAL = 1000;
/** Milliseconds: for pages to take the last of the output, and for a shell to end that was told to. */
const GRACE = 2000;

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    prefix: { type: "string", multiple: true },
    folder: { type: "string" },
    shell: { type: "string" },
  },
});
const { port, prefix: prefixes, folder, shell } = values;
if (port === undefined || prefixes === undefined || folder === undefined || shell === undefined)
  throw new Error("usage: server.ts --port <port> --prefix <path>… --folder <folder> --shell <program>");

// It was for this process alone.
delete process.env["NODE_COMPILE_CACHE"];
const env: NodeJS.ProcessEnv = { ...process.env, COLORTERM: "truecolor" };
// Without any locale, shells and editors take what is not ASCII for garbage.
if (!env["LC_ALL"] && !env["LC_CTYPE"] && !env["LANG"]) env["LANG"] = "C.UTF-8";
const args = LOGIN_SHELLS.has(basename(shell)) ? ["-l"] : [];

const server = createServer(serve);
const sockets = new WebSocketServer({
  noServer: true,
  maxPayload: LARGEST_MESSAGE,
  perMessageDeflate: false,
});
server.on("connection", (socket) => {
  if (!isOwnPeer(socket)) socket.destroy();
});
server.listen(Number(port), "127.0.0.1");
await once(server, "listening");

const terminal = new Terminal({ program: shell, args, folder, env });
console.log(`${shell} (pid ${terminal.pid}) in ${folder}, on port ${port}`);

/** An end that somebody may have wanted: a page was open, or a signal came. */
let mayEnd = false;
let title = await titleOf(terminal.pid);
server.on("upgrade", (request, socket, head) => {
  const url = new URL(request.url ?? "/", "http://service");
  // Only the edge, which has checked the Origin, sets the prefix: a WebSocket that any page on the web opens to this
  // port by itself cannot carry a header of its choice.
  const refuse = (status: string): void => {
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  };
  if (url.pathname !== "/socket") return refuse("404 Not Found");
  // Only the edge, which has checked the Origin, sets the prefix: a WebSocket that any page on the web opens to this
  // port by itself cannot carry a header of its choice.
  if (!prefixes.includes(String(request.headers["x-forwarded-prefix"]))) return refuse("403 Forbidden");
  sockets.handleUpgrade(request, socket, head, (webSocket) => {
    mayEnd = true;
    connectPage(webSocket, terminal, positionIn(url.searchParams));
    webSocket.send(JSON.stringify({ type: "title", text: title }));
  });
});

let isLooking = false;
async function lookForTitle(): Promise<void> {
  if (isLooking) return;
  isLooking = true;
  await delay(TITLE_INTERVAL, undefined, { ref: false });
  isLooking = false;
  const now = await titleOf(terminal.pid);
  if (now !== title) terminal.tell({ type: "title", text: (title = now) });
}
terminal.onOutput = () => void lookForTitle();

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  process.once(signal, () => {
    mayEnd = true;
    terminal.hangUp("SIGHUP");
    setTimeout(() => terminal.hangUp("SIGKILL"), GRACE).unref();
  });
}

const code = await terminal.ended;
console.log(`the shell has ended with exit code ${code}`);
if (!mayEnd) {
  console.error(`nobody had opened it yet; it wrote:\n${terminal.tail}`);
  process.exitCode = 1;
}
terminal.tell({ type: "ended", code });
for (const socket of sockets.clients) dismissPage(socket);
server.close();
server.closeAllConnections();
setTimeout(() => process.exit(), GRACE).unref();
