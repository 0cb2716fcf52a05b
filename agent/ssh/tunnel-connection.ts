import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import type { Algorithms, AuthContext, Connection, ParsedKey, Session, TcpipBindInfo } from "ssh2";
import ssh2 from "ssh2";
import { keepKeyObjects } from "./cipher-keys.ts";
import { gatherWrites } from "./gathered-writes.ts";
import { TunnelStream } from "./tunnel-stream.ts";

/** In the order in which they are wanted: AES-GCM is what CPUs do in hardware, twice as fast as ChaCha20 (design 5). */
const ALGORITHMS: Algorithms = {
  kex: ["curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256"],
  serverHostKey: ["ssh-ed25519"],
  cipher: ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"],
  hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-256"],
  compress: ["none"],
};

/** A client asks without a key, asks whether the key would do, and signs: twice that is patient enough. */
const AUTHENTICATION_ATTEMPTS = 6;

/** ssh2 answers whoever does not read its answers; so much may wait to be read, in bytes, for a stranger and a channel. */
const UNREAD = { stranger: 262_144, channel: 4_194_304 };

/** Reason codes of RFC 4254, section 5.1. */
const CONNECT_FAILED = 2;

export type TunnelConnectionOptions = {
  socket: Duplex;
  /** Whom it admits: this name with this key. */
  user: string;
  clientKey: ParsedKey;
  hostKey: ParsedKey;
  /** The workspace port, which the node is told when it asks for a port. */
  port: number;
  /** Milliseconds of a connection's silence, through which it has been asked for a sign of life, after which it is ended. */
  silence: number;
  onReady: () => void;
  onRefused: (why: string) => void;
  /** The node listens to what comes, or no longer does. */
  onForward: () => void;
  onReports: (stream: Duplex) => void;
  onClose: () => void;
};

const failure = (code: string, message: string, cause?: unknown): Error =>
  Object.assign(new Error(message, { cause }), { code });

/**
 * One SSH connection from a node. It allows one forwarded port and one session channel with the command `reports`;
 * ssh2 refuses whatever nobody listens for: shells, terminals, environment, subsystems, direct-tcpip, Unix sockets,
 * X11, agents.
 */
export class TunnelConnection {
  readonly #options: TunnelConnectionOptions;
  readonly #streams = new Set<TunnelStream>();
  #client: Connection | undefined;
  #attempts = 0;
  #isReady = false;
  #hasSession = false;
  #forwardedFrom: string | undefined;

  constructor(options: TunnelConnectionOptions) {
    this.#options = options;
    const { socket, silence, hostKey } = options;
    socket.on("error", () => socket.destroy());
    // A channel as a socket stays half open after its end.
    socket.once("end", () => socket.destroy());
    socket.once("close", () => this.#closed());
    const server = new ssh2.Server(
      {
        hostKeys: [{ key: hostKey }],
        algorithms: ALGORITHMS,
        ident: "Berth",
        keepaliveInterval: silence / 3,
        keepaliveCountMax: 2,
      },
      (client) => this.#opened(client),
    );
    gatherWrites(socket);
    // ssh2 uses no more of a socket than what every duplex stream has.
    server.injectSocket(socket as Socket);
  }

  /** True while the node listens to what comes. */
  get isForwarding(): boolean {
    return this.#forwardedFrom !== undefined;
  }

  /** Opens a connection to the service. Fails with code ECONNREFUSED when it does not listen. */
  connect(): Promise<Duplex> {
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    const address = this.#forwardedFrom;
    const client = this.#client;
    if (address === undefined || client === undefined) throw failure("ENOTCONN", "the node is not connected");
    client.forwardOut(address, this.#options.port, "127.0.0.1", 0, (error, channel) => {
      if (error === undefined) return resolve(this.#stream(new TunnelStream(channel)));
      const isRefused = "reason" in error && error.reason === CONNECT_FAILED;
      if (isRefused) reject(failure("ECONNREFUSED", "the service does not listen on the node", error));
      else reject(failure("ECONNRESET", "the node did not open a connection to the service", error));
    });
    return promise;
  }

  /** Ends it at once: on a connection that is half dead a farewell would wait for ever. */
  end(): void {
    this.#options.socket.destroy();
  }

  #stream(stream: TunnelStream): TunnelStream {
    this.#streams.add(stream);
    stream.once("close", () => this.#streams.delete(stream));
    return stream;
  }

  #opened(client: Connection): void {
    const { socket } = this.#options;
    this.#client = client;
    client.on("error", () => this.end());
    client.on("handshake", () => keepKeyObjects(client));
    client.on("authentication", (context) => this.#authenticate(context));
    client.on("ready", () => {
      this.#isReady = true;
      this.#options.onReady();
    });
    client.on("session", (accept, reject) => {
      if (this.#hasSession) return reject();
      this.#hasSession = true;
      this.#session(accept());
    });
    client.on("request", (accept, reject, name, info) => this.#requested(accept, reject, name, info));
    socket.on("data", () => {
      const limit = this.#isReady ? UNREAD.channel * (this.#streams.size + 1) : UNREAD.stranger;
      if (socket.writableLength > limit) this.end();
    });
  }

  #authenticate(context: AuthContext): void {
    this.#attempts += 1;
    if (this.#attempts > AUTHENTICATION_ATTEMPTS) return this.end();
    if (this.#admits(context)) return context.accept();
    if (context.method !== "none") this.#options.onRefused(`a stranger's ${context.method}`);
    context.reject(["publickey"]);
  }

  /** True for the client's key, when it is only asked for, and for its signature. */
  #admits(context: AuthContext): boolean {
    const { user, clientKey } = this.#options;
    if (context.method !== "publickey" || context.username !== user) return false;
    const { key, blob, signature, hashAlgo } = context;
    if (key.algo !== clientKey.type || !key.data.equals(clientKey.getPublicSSH())) return false;
    if (signature === undefined) return true;
    if (blob === undefined) return false;
    // Against its type it returns an error where it cannot say, and an error is as true as true.
    const verdict: unknown = clientKey.verify(blob, signature, hashAlgo);
    return verdict === true;
  }

  #session(session: Session): void {
    session.once("close", () => (this.#hasSession = false));
    session.once("exec", (accept, reject: (() => void) | undefined, { command }) => {
      if (command !== "reports") return reject?.();
      const stream = this.#stream(new TunnelStream(accept()));
      this.#options.onReports(stream);
    });
  }

  #requested(
    accept: ((port?: number) => void) | undefined,
    reject: (() => void) | undefined,
    name: string,
    info: object,
  ): void {
    const { port, onForward } = this.#options;
    const { bindAddr, bindPort } = info as Partial<TcpipBindInfo>;
    if (name === "tcpip-forward" && !this.isForwarding && (bindPort === 0 || bindPort === port)) {
      this.#forwardedFrom = bindAddr ?? "";
      accept?.(port);
      onForward();
    } else if (name === "cancel-tcpip-forward" && this.isForwarding && bindPort === port) {
      this.#forwardedFrom = undefined;
      accept?.();
      onForward();
    } else reject?.();
  }

  #closed(): void {
    this.#forwardedFrom = undefined;
    // Before ssh2 tells the channels of their end, which would look like the end of the data.
    for (const stream of this.#streams) stream.lose();
    this.#options.onClose();
  }
}
