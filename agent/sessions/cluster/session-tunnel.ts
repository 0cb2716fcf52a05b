import type { Socket } from "node:net";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { SessionId } from "../../../contract/ids.ts";
import type { Placement } from "../../../contract/session.ts";
import type { Report } from "../../reports.ts";
import type { ClusterFacts, Resource } from "../../resources/resource.ts";
import type { TunnelKeys } from "../../ssh/tunnel-keys.ts";
import type { Forward } from "../../ssh/forwards.ts";
import { makeTunnelKeys } from "../../ssh/tunnel-keys.ts";
import { TunnelServer } from "../../ssh/tunnel-server.ts";
import { CannotAsk } from "../../ssh/shell.ts";
import type { SessionDirectory } from "../session-directory.ts";
import type { RemoteDirectory } from "./remote-directory.ts";

/** The file in the session's directory that holds the tunnel's keys, for as long as the session lives. */
const KEYS = "tunnel-keys.json";
const Keys = z.object({
  hostPrivate: z.string(),
  hostPublic: z.string(),
  clientPrivate: z.string(),
  clientPublic: z.string(),
});

const AGAIN_MS = 2000;

/** A session's keys, made on first use. */
export async function tunnelKeys(directory: SessionDirectory): Promise<TunnelKeys> {
  const path = directory.file(KEYS);
  const kept = Keys.safeParse(JSON.parse(await readFile(path, "utf8").catch(() => "null")));
  if (kept.success) return kept.data;
  const made = makeTunnelKeys(directory.id);
  await writeFile(path, JSON.stringify(made), { mode: 0o600 });
  return made;
}

/** After the end nobody can use them. */
export const forgetTunnelKeys = (directory: SessionDirectory): Promise<void> =>
  rm(directory.file(KEYS), { force: true });

export type SessionTunnelOptions = {
  session: SessionId;
  keys: TunnelKeys;
  placement: Placement;
  resource: Resource;
  remote: RemoteDirectory;
  port: number;
  reportsRead: number;
  onReport: (report: Report, offset: number) => Promise<void>;
  onChange: (isUp: boolean) => void;
  log: (line: string) => void;
};

/**
 * A session's way from its node to the agent: the server that the node's ssh talks to, a door through which it gets
 * there, and on the cluster the file that says where the door is. When the connection to the cluster has been lost,
 * there is a new door, and the node reads where.
 */
export class SessionTunnel implements AsyncDisposable {
  readonly #options: SessionTunnelOptions;
  readonly #server: TunnelServer;
  readonly #stack = new AsyncDisposableStack();
  readonly #stopped = new AbortController();
  #listener: Server | undefined;
  #forward: Forward | undefined;
  /** The files on the cluster can be written: the directory is there. */
  #isPublished = false;
  #opening: Promise<void> | undefined;

  constructor(options: SessionTunnelOptions) {
    const { session, keys, port, reportsRead, onReport, onChange, log } = options;
    this.#options = options;
    this.#server = this.#stack.use(
      new TunnelServer({ session, keys, port, reportsRead, onReport, onChange, log }),
    );
  }

  get isUp(): boolean {
    return this.#server.isUp;
  }

  /** A connection to the service on the node. Fails with code ECONNREFUSED, ENOTCONN or ECONNRESET. */
  connect(): Promise<Duplex> {
    return this.#server.connect();
  }

  /** Opens the door and keeps it open. The session's directory on the cluster is there. */
  publish(): void {
    if (this.#isPublished) return;
    this.#isPublished = true;
    this.#open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#opening?.catch(() => undefined);
    await this.#forward?.[Symbol.asyncDispose]();
    const closed = this.#listener === undefined ? undefined : once(this.#listener, "close");
    this.#listener?.close();
    // It closes once its connections have, and those are the server's.
    await this.#stack.disposeAsync();
    await closed;
  }

  /** One attempt at a time; a door that has gone meanwhile calls for another. */
  #open(): void {
    this.#opening = (this.#opening ?? Promise.resolve()).then(() => this.#untilOpen());
  }

  async #untilOpen(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      try {
        await this.#openOnce();
        return;
      } catch (error) {
        if (!(error instanceof CannotAsk)) this.#options.log(`the tunnel has no door: ${String(error)}`);
        await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #openOnce(): Promise<void> {
    const { resource, remote, session, keys } = this.#options;
    const facts = await resource.facts(this.#stopped.signal);
    const forward = await this.#door(facts);
    const { hostKey } = resource.connection;
    const known = [
      `berth-${session} ${keys.hostPublic}`,
      ...(hostKey === undefined ? [] : [`berth-controller ${hostKey.type} ${hostKey.base64}`]),
    ];
    await remote.write({ known_hosts: `${known.join("\n")}\n`, forward: `${forward}\n` });
  }

  /** Opens a door, and says how the node gets to it: a line of the file `forward`. */
  async #door({ host, port }: ClusterFacts): Promise<string> {
    const { resource, placement } = this.#options;
    const { tunnel, controllerHost } = resource.definition;
    if (placement === "compute" && tunnel.via === "direct")
      return `direct ${tunnel.address} ${await this.#listen()}`;
    const forward = await resource.connection.forward((socket) => this.#server.accept(socket));
    this.#forward = forward;
    // With the connection the door has gone.
    void forward.gone.then(() => {
      if (this.#forward === forward && !this.#stopped.signal.aborted) this.#open();
    });
    // On the controller itself the door is next to the session.
    if (placement === "controller") return `direct 127.0.0.1 ${forward.port}`;
    return `via ${controllerHost ?? host} ${port} ${forward.port}`;
  }

  /** Nodes that can reach the workspace connect to it; whom the server admits is its own matter. */
  async #listen(): Promise<number> {
    if (this.#listener === undefined) {
      const listener = createServer((socket: Socket) => this.#server.accept(socket));
      listener.listen(0);
      await once(listener, "listening");
      this.#listener = listener;
    }
    const address = this.#listener.address();
    if (address === null || typeof address === "string") throw new Error("the listener has no port");
    return address.port;
  }
}
