import type { Duplex } from "node:stream";

export type WorkspacePortOptions = {
  /** A port that the session had before; any without it. */
  port?: number;
  /** Ports never to be taken: Berth's own. */
  refused: ReadonlySet<number>;
  /** Opens the connection to the service to which a connection to the port is joined. */
  connect: () => Promise<Duplex>;
};

/** A session's port in the workspace: what connects to it on loopback, from the same user, reaches the service. */
export class WorkspacePort implements AsyncDisposable {
  readonly port: number;
  private constructor(port: number) {
    this.port = port;
  }

  /** @throws Error with code EADDRINUSE when `port` was given and is taken */
  static async listen(options: WorkspacePortOptions): Promise<WorkspacePort> {
    return new WorkspacePort(options.port ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
