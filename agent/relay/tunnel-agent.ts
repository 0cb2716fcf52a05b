import type { ClientRequestArgs } from "node:http";
import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";

/** Opens a connection to a service that runs on another host. */
export type Connect = () => Promise<Duplex>;

type Created = (error: Error | null, stream: Duplex) => void;

/** `Agent` sets socket options that a channel has none of: it is kept as it is, and used again as it is. */
const CHANNEL = {
  keepSocketAlive: (): true => true,
  reuseSocket: (): void => undefined,
};

/** What `http.request` asks of a socket and a channel has not: a limit on the handshake of a WebSocket. */
function withTimeout(channel: Duplex): Duplex {
  let timer: NodeJS.Timeout | undefined;
  const setTimeoutOnce = (ms: number): Duplex => {
    clearTimeout(timer);
    if (ms > 0) timer = setTimeout(() => channel.emit("timeout"), ms);
    return channel;
  };
  channel.once("close", () => clearTimeout(timer));
  return Object.assign(channel, { setTimeout: setTimeoutOnce });
}

function open(connect: Connect, created: Created | undefined): undefined {
  connect().then(
    (channel) => created?.(null, withTimeout(channel)),
    // The type asks for a stream also where there is none.
    (error: unknown) => (created as ((error: unknown) => void) | undefined)?.(error),
  );
  return undefined;
}

/** Kept-alive connections through a tunnel, for `http.request`. */
class TunnelAgent extends Agent {
  readonly #connect: Connect;

  constructor(connect: Connect) {
    super({ keepAlive: true });
    this.#connect = connect;
    Object.assign(this, CHANNEL);
  }

  override createConnection(_options: ClientRequestArgs, created?: Created): undefined {
    return open(this.#connect, created);
  }
}

/** The same for a service that speaks HTTPS. Its certificate is not checked: services on `/sme` sign their own (design 3.1). */
class TunnelTlsAgent extends TlsAgent {
  readonly #connect: Connect;

  constructor(connect: Connect) {
    super({ keepAlive: true });
    this.#connect = connect;
    Object.assign(this, CHANNEL);
  }

  override createConnection(_options: ClientRequestArgs, created?: Created): undefined {
    return open(
      async () => connectTls({ socket: await this.#connect(), rejectUnauthorized: false }),
      created,
    );
  }
}

export const tunnelAgent = (connect: Connect, tls: boolean): Agent =>
  tls ? new TunnelTlsAgent(connect) : new TunnelAgent(connect);
