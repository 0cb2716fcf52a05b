/**
 * Runs an application behind a gate: it listens on a Unix socket that only its owner can reach, and the gate passes on
 * to it what comes to a port of 127.0.0.1 from processes of the same user. For applications without a password.
 *
 *     gate.ts --port 51458 --socket /tmp/berth.x/socket -- program argument…
 *
 * The port is open as soon as the application listens. The gate ends as the application ends, with its exit code, and
 * takes the socket's directory with it.
 */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import type { Socket } from "node:net";
import { connect, createServer } from "node:net";
import { constants } from "node:os";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { isOwnPeer } from "./peer.ts";

/** Milliseconds between two looks whether the application listens. */
const LOOK = 20;

const { values, positionals } = parseArgs({
  options: { port: { type: "string" }, socket: { type: "string" } },
  allowPositionals: true,
});
const { port, socket: path } = values;
const [program, ...programArguments] = positionals;
if (port === undefined || path === undefined || program === undefined)
  throw new Error("usage: gate.ts --port <port> --socket <path> -- <program> [<argument> …]");

/** Joins two sockets so that either may end its half first, and neither outlives the other. */
function join(one: Socket, other: Socket): void {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.pipe(to);
    // An error closes its socket, and that the other.
    from.on("error", () => {});
    from.on("close", () => to.destroySoon());
  }
}

const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  if (isOwnPeer(client)) return join(client, connect({ path, allowHalfOpen: true }));
  client.destroy();
});

const openWhenListening = (): void => {
  const look = connect(path);
  look.on("error", () => void setTimeout(openWhenListening, LOOK));
  look.on("connect", () => {
    look.destroy();
    server.listen(Number(port), "127.0.0.1");
  });
};

const application = spawn(program, programArguments, { stdio: "inherit" });
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const)
  process.on(signal, () => application.kill(signal));
server.on("error", (error) => {
  console.error(`cannot listen on port ${port}: ${error.message}`);
  application.kill("SIGTERM");
});
application.on("error", (error) => {
  console.error(`cannot start ${program}: ${error.message}`);
  process.exit(127);
});
application.on("exit", (code, signal) =>
  process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]),
);
process.on("exit", () => rmSync(dirname(path), { recursive: true, force: true }));
openWhenListening();
