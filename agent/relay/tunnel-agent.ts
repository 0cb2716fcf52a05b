import type { ClientRequestArgs } from "node:http";
import { Agent } from "node:http";
import { Agent as TlsAgent } from "node:https";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";

/** Opens a connection to a service that runs on another host. */
export type Connect = () => Promise<Duplex>;

type Created = (error: Error | null, stream: Duplex) => void;

const nothing = (): void => undefined;

/** Gives a channel what `http.Agent` and `http.request` ask of a socket and a channel has none of. */
function asSocket(channel: Duplex): Duplex {
  let timer: NodeJS.Timeout | undefined;
  const setTimeoutOnce = (ms: number): Duplex => {
    clearTimeout(timer);
    if (ms > 0) timer = setTimeout(() => channel.emit("timeout"), ms);
    return channel;
  };
  channel.once("close", () => clearTimeout(timer));
  // As a client's socket: what the service has ended is closed, so that it is not kept for another request.
  channel.allowHalfOpen = false;
  return Object.assign(channel, {
    setTimeout: setTimeoutOnce,
    setKeepAlive: nothing,
    setNoDelay: nothing,
    ref: nothing,
    unref: nothing,
  });
}

function open(connect: Connect, created: Created | undefined, dress: (channel: Duplex) => Duplex): undefined {
  connect().then(
    (channel) => created?.(null, dress(channel)),
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
  }

  override createConnection(_options: ClientRequestArgs, created?: Created): undefined {
    return open(this.#connect, created, asSocket);
  }
}

/** The same for a service that speaks HTTPS. Its certificate is not checked: services on `/sme` sign their own (design 3.1). */
class TunnelTlsAgent extends TlsAgent {
  readonly #connect: Connect;

  constructor(connect: Connect) {
    super({ keepAlive: true });
    this.#connect = connect;
  }

  override createConnection(_options: ClientRequestArgs, created?: Created): undefined {
    return open(this.#connect, created, (socket) => connectTls({ socket, rejectUnauthorized: false }));
  }
}

export const tunnelAgent = (connect: Connect, tls: boolean): Agent =>
  tls ? new TunnelTlsAgent(connect) : new TunnelAgent(connect);
