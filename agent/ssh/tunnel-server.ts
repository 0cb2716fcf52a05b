import type { Duplex } from "node:stream";
import type { SessionId } from "../../contract/ids.ts";
import type { Report } from "../reports.ts";
import type { TunnelKeys } from "./tunnel-keys.ts";

/** Says what an administrator may want to know, one line at a time. */
export type TunnelLog = (line: string) => void;

export type TunnelServerOptions = {
  session: SessionId;
  keys: TunnelKeys;
  /** The workspace port, which the node is told when it asks for a port. */
  port: number;
  /** How many bytes of the node's `reports` have been acted upon. */
  reportsRead: number;
  /** Takes a report and the offset behind it. Awaited: the next report comes, and the node hears of this one, after it. */
  onReport: (report: Report, offset: number) => Promise<void>;
  onChange: (isUp: boolean) => void;
  log: TunnelLog;
};

export class TunnelServer implements AsyncDisposable {
  readonly #options: TunnelServerOptions;
  constructor(options: TunnelServerOptions) {
    this.#options = options;
  }

  /** Takes a connection that came for this session. */
  accept(socket: Duplex): void {
    socket.destroy();
  }

  /** A connection to the service on the node. Fails with code ECONNREFUSED, ENOTCONN or ECONNRESET. */
  async connect(): Promise<Duplex> {
    throw new Error(`not yet: ${this.#options.session}`);
  }

  get isUp(): boolean {
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
