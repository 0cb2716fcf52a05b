import type { Socket } from "node:net";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
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
import { untilAborted } from "../../ssh/until-aborted.ts";
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

/** The pause before a door that could not be opened is tried again; milliseconds. */
const AGAIN_MS = { first: 1000, most: 15_000 };

/** A session's keys, made on first use. */
export async function tunnelKeys(directory: SessionDirectory): Promise<TunnelKeys> {
  const path = directory.file(KEYS);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text !== undefined) return Keys.parse(JSON.parse(text));
  const made = makeTunnelKeys(directory.id);
  // All or nothing: an agent that dies, or a disk that is full, must not leave half of them.
  await writeFile(`${path}.next`, JSON.stringify(made), { mode: 0o600 });
  await rename(`${path}.next`, path);
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
    let said = "";
    let pause = AGAIN_MS.first;
    while (!signal.aborted) {
      try {
        await this.#openOnce();
        return;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        // Once, since it may last for days.
        if (!(error instanceof CannotAsk) && !signal.aborted && why !== said)
          this.#options.log(`the tunnel has no door: ${(said = why)}`);
        await delay(pause, undefined, { signal }).catch(() => undefined);
        pause = Math.min(2 * pause, AGAIN_MS.most);
      }
    }
  }

  async #openOnce(): Promise<void> {
    const { resource, remote, session, keys } = this.#options;
    const { signal } = this.#stopped;
    const facts = await resource.facts(signal);
    const forward = await this.#door(facts);
    const { hostKey } = resource.connection;
    const known = [
      `berth-${session} ${keys.hostPublic}`,
      ...(hostKey === undefined ? [] : [`berth-controller ${hostKey.type} ${hostKey.base64}`]),
    ];
    await remote.write({ known_hosts: `${known.join("\n")}\n`, forward: `${forward}\n` }, signal);
  }

  /** Opens a door, and says how the node gets to it: a line of the file `forward`. */
  async #door({ host, port }: ClusterFacts): Promise<string> {
    const { resource, placement } = this.#options;
    const { tunnel, controllerHost } = resource.definition;
    if (placement === "compute" && tunnel.via === "direct")
      return `direct ${tunnel.address} ${await this.#listen()}`;
    const forward = this.#forward ?? (await this.#forwarded());
    // On the controller itself the door is next to the session.
    if (placement === "controller") return `direct 127.0.0.1 ${forward.port}`;
    return `via ${controllerHost ?? host} ${port} ${forward.port}`;
  }

  /** A port on the controller; one that the node could not be told of yet is told at the next attempt. */
  async #forwarded(): Promise<Forward> {
    const { connection } = this.#options.resource;
    const asked = connection.forward((socket) => this.#server.accept(socket));
    const forward = await untilAborted(asked, this.#stopped.signal).catch((error: unknown) => {
      asked.then(
        (late) => late[Symbol.asyncDispose](),
        () => undefined,
      );
      throw error;
    });
    this.#forward = forward;
    // With the connection the door has gone.
    void forward.gone.then(() => {
      if (this.#forward !== forward) return;
      this.#forward = undefined;
      if (!this.#stopped.signal.aborted) this.#open();
    });
    return forward;
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
