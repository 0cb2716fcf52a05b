import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ParsedKey } from "ssh2";
import ssh2 from "ssh2";
import type { SessionId } from "../../contract/ids.ts";
import type { Report } from "../reports.ts";
import { ReportChannel } from "./report-channel.ts";
import { TunnelConnection } from "./tunnel-connection.ts";
import type { TunnelKeys } from "./tunnel-keys.ts";

/** Milliseconds. The node sends a sign of life every 10 s. */
const TIMES = { handshake: 20_000, silence: 45_000 };

/** Strangers on the controller can connect and say nothing: so many may, and the oldest makes way. */
const UNAUTHENTICATED = 8;

/** One that works, and the one that is to replace it. */
const CONNECTIONS = 2;

export type TunnelServerOptions = {
  session: SessionId;
  keys: TunnelKeys;
  /** The workspace port, which the node is told when it asks for a port. */
  port: number;
  /** How many bytes of the node's `reports` have been acted upon. */
  reportsRead: number;
  /** Takes a report and the offset behind it. Awaited: the next report comes, and the node hears of this one, after it. */
  onReport: (report: Report, offset: number) => Promise<void>;
  /** The tunnel is up, or no longer is. */
  onChange: (isUp: boolean) => void;
  /** Takes a line for the log. */
  log: (line: string) => void;
  /** Milliseconds: until a connection must have authenticated, and of silence after which it is ended. */
  times?: typeof TIMES;
};

function parsed(text: string): ParsedKey {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
}

/**
 * The agent's end of a session's tunnel: an SSH server for the one node that holds the session's key. It listens
 * nowhere; connections are handed to it. Of two connections the one that forwarded last counts, so that one that is
 * half dead is in nobody's way.
 */
export class TunnelServer implements AsyncDisposable {
  readonly #options: TunnelServerOptions;
  readonly #times: typeof TIMES;
  readonly #keys: { host: ParsedKey; client: ParsedKey };
  /** In the order in which they came. */
  readonly #strangers = new Map<TunnelConnection, NodeJS.Timeout>();
  readonly #admitted = new Set<TunnelConnection>();
  #up: TunnelConnection | undefined;
  /** The channel that counts, and the reading of all of them, one after the other. */
  #newest: Duplex | undefined;
  #reading: Promise<void> = Promise.resolve();
  #offset: number;
  #hasRefused = false;
  #isDisposed = false;

  constructor(options: TunnelServerOptions) {
    this.#options = options;
    this.#times = options.times ?? TIMES;
    this.#offset = options.reportsRead;
    this.#keys = { host: parsed(options.keys.hostPrivate), client: parsed(options.keys.clientPublic) };
  }

  /** True while the node listens to what `connect` opens. */
  get isUp(): boolean {
    return this.#up !== undefined;
  }

  /** Takes a connection that has come for this session, and owns it from then on. */
  accept(socket: Duplex): void {
    if (this.#isDisposed) return void socket.destroy();
    if (socket instanceof Socket) socket.setNoDelay(true);
    const connection: TunnelConnection = new TunnelConnection({
      socket,
      user: this.#options.session,
      hostKey: this.#keys.host,
      clientKey: this.#keys.client,
      port: this.#options.port,
      silence: this.#times.silence,
      onReady: () => this.#admit(connection),
      onRefused: (why) => this.#refused(why),
      onForward: () => this.#forwarded(connection),
      onReports: (stream) => this.#read(stream),
      onClose: () => this.#closed(connection),
    });
    this.#strangers.set(
      connection,
      setTimeout(() => connection.end(), this.#times.handshake),
    );
    const [oldest] = this.#strangers.keys();
    if (this.#strangers.size > UNAUTHENTICATED) oldest?.end();
  }

  /**
   * Opens a connection to the service on the node. Both halves end on their own.
   * @throws Error with code ENOTCONN while no tunnel is up, ECONNREFUSED when the service does not listen, ECONNRESET
   * when the tunnel is lost meanwhile
   */
  async connect(): Promise<Duplex> {
    if (this.#up !== undefined) return await this.#up.connect();
    throw Object.assign(new Error("the node is not connected"), { code: "ENOTCONN" });
  }

  /** Ends all connections; a report that is being acted upon is waited for. Calls nobody back afterwards. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    for (const connection of [...this.#strangers.keys(), ...this.#admitted]) connection.end();
    this.#newest?.destroy();
    await this.#reading;
  }

  #admit(connection: TunnelConnection): void {
    this.#forget(connection);
    this.#admitted.add(connection);
    if (this.#admitted.size <= CONNECTIONS) return;
    const oldest = [...this.#admitted].find((admitted) => admitted !== this.#up);
    oldest?.end();
  }

  #forget(connection: TunnelConnection): void {
    clearTimeout(this.#strangers.get(connection));
    this.#strangers.delete(connection);
  }

  #closed(connection: TunnelConnection): void {
    this.#forget(connection);
    this.#admitted.delete(connection);
    if (this.#up === connection) this.#change(undefined);
  }

  #forwarded(connection: TunnelConnection): void {
    if (!connection.isForwarding) {
      if (this.#up === connection) this.#change(undefined);
      return;
    }
    const former = this.#up;
    this.#change(connection);
    former?.end();
  }

  #change(up: TunnelConnection | undefined): void {
    const wasUp = this.isUp;
    this.#up = up;
    if (up !== undefined) this.#hasRefused = false;
    if (wasUp !== this.isUp && !this.#isDisposed) this.#options.onChange(this.isUp);
  }

  /** Once until the tunnel is up again: who knocks all the time must not fill the log. */
  #refused(why: string): void {
    if (this.#hasRefused) return;
    this.#hasRefused = true;
    this.#options.log(`the tunnel of ${this.#options.session} refused ${why}`);
  }

  #read(stream: Duplex): void {
    const { session, onReport, log } = this.#options;
    this.#newest?.destroy();
    this.#newest = stream;
    this.#reading = this.#reading.then(async () => {
      const channel = new ReportChannel(stream, { offset: this.#offset, onReport });
      await channel
        .read()
        .catch((error: unknown) => log(`a report of ${session} was not acted upon: ${String(error)}`));
      this.#offset = channel.offset;
    });
  }
}
