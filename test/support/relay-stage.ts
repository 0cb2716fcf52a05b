import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { AgentFrame } from "../../contract/frames.ts";
import { EdgeClient } from "../../agent/relay/edge-client.ts";
import { Relay } from "../../agent/relay/relay.ts";

/** The agent's relay between an edge and a service, of which the test decides what they say. */
export class RelayStage implements Disposable {
  readonly service: Server;
  readonly edge: Server;
  readonly relay: Relay;
  /** What the relay has told the edge. */
  readonly sent: AgentFrame[] = [];
  readonly #client: EdgeClient;

  private constructor(service: Server, edge: Server) {
    [this.service, this.edge] = [service, edge];
    const url = new URL(`http://127.0.0.1:${portOf(edge)}`);
    this.#client = new EdgeClient(
      url,
      () => "token",
      (head) => void this.sent.push(head),
    );
    const address = { port: this.port, connect: undefined };
    this.relay = new Relay(this.#client, { service: () => address, log: () => undefined });
  }

  static async open(): Promise<RelayStage> {
    const [service, edge] = [createServer(), createServer()];
    for (const server of [service, edge]) await once(server.listen(0, "127.0.0.1"), "listening");
    return new RelayStage(service, edge);
  }

  /** The service's. */
  get port(): number {
    return portOf(this.service);
  }

  [Symbol.dispose](): void {
    this.relay[Symbol.dispose]();
    this.#client[Symbol.dispose]();
    for (const server of [this.service, this.edge]) {
      server.closeAllConnections();
      server.close();
    }
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
