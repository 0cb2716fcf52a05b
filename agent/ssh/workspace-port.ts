import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { createServer } from "node:net";
import type { Duplex } from "node:stream";
import { isAllowedPort, LOOPBACK } from "../ports.ts";
import { isOwnPeer } from "./workspace-peer.ts";

const LOWEST = 20_000;
/** Where the kernel's own choice begins when it does not say: Linux's default. */
const EPHEMERAL = 32_768;
/** So many ports are tried; on a host where so many in a row are taken something else is wrong. */
const ATTEMPTS = 100;

export type WorkspacePortOptions = {
  /** The port that the session had before; any without it. */
  port?: number;
  /** Ports never to be taken: Berth's own. */
  refused: ReadonlySet<number>;
  /** Opens the connection to the service to which a connection to the port is joined. */
  connect: () => Promise<Duplex>;
};

const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code));

/** The first port that the kernel gives to outgoing connections (ip(7)). */
function ephemeralStart(): number {
  try {
    const first = Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1").split(/\s+/)[0]);
    return first > LOWEST ? first : EPHEMERAL;
  } catch {
    return EPHEMERAL;
  }
}

/** Joins a connection to a channel so that either may end its half first, and neither outlives the other. */
function join(socket: Socket, channel: Duplex): void {
  socket.pipe(channel);
  channel.pipe(socket);
  // An error closes its stream, and that the other.
  channel.on("error", () => {});
  socket.on("close", () => {
    if (!socket.readableEnded || !socket.writableFinished) channel.destroy();
  });
  channel.on("close", () => {
    // What was cut off must not look like the whole.
    if (channel.readableEnded) socket.destroySoon();
    else socket.resetAndDestroy();
  });
}

/**
 * A session's port in the workspace, on both addresses of loopback. What connects to it from a process of the same
 * user reaches the service on the node; others are turned away.
 */
export class WorkspacePort implements AsyncDisposable {
  readonly port: number;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #connect: () => Promise<Duplex>;

  private constructor(port: number, connect: () => Promise<Duplex>) {
    this.port = port;
    this.#connect = connect;
  }

  /**
   * Listens on `port`, or on a free one below those that the kernel gives to outgoing connections, so that a restarted
   * agent finds it free.
   * @throws Error with code EADDRINUSE when `port` was given and is taken, or no port is free
   */
  static async listen({ port, refused, connect }: WorkspacePortOptions): Promise<WorkspacePort> {
    if (port !== undefined) return await WorkspacePort.#listenOn(port, connect);
    const end = ephemeralStart();
    for (let attempt = 1; ; attempt += 1) {
      const candidate = randomInt(LOWEST, end);
      if (!isAllowedPort(candidate, refused)) continue;
      try {
        return await WorkspacePort.#listenOn(candidate, connect);
      } catch (error) {
        if (attempt === ATTEMPTS || !hasCode(error, "EADDRINUSE", "EACCES")) throw error;
      }
    }
  }

  static async #listenOn(port: number, connect: () => Promise<Duplex>): Promise<WorkspacePort> {
    await using stack = new AsyncDisposableStack();
    const workspace = stack.use(new WorkspacePort(port, connect));
    for (const host of LOOPBACK) {
      try {
        await workspace.#open(host);
      } catch (error) {
        // A host without IPv6 has no ::1.
        if (host !== "::1" || !hasCode(error, "EADDRNOTAVAIL", "EAFNOSUPPORT")) throw error;
      }
    }
    stack.move();
    return workspace;
  }

  /** Closes the port and its connections. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#servers.map((server) => once(server, "close"));
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  async #open(host: string): Promise<void> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void this.#admit(socket));
    server.listen({ port: this.port, host, exclusive: true });
    await once(server, "listening");
    server.on("error", () => {});
    this.#servers.push(server);
  }

  async #admit(socket: Socket): Promise<void> {
    socket.on("error", () => {});
    if (!isOwnPeer(socket)) return void socket.destroy();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    try {
      const channel = await this.#connect();
      if (socket.destroyed) channel.destroy();
      else join(socket, channel);
    } catch {
      // Like a port on which nobody listens, as far as that can still be said.
      socket.resetAndDestroy();
    }
  }
}
