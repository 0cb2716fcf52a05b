import type { Duplex } from "node:stream";
import type { HostKey } from "./host-key.ts";
import type { CommandResult, RunOptions, Shell } from "./shell.ts";
import type { SshError } from "./trouble.ts";

/** How a host is named to ssh: an alias or `user@host`, as `ssh` takes it; `configFile` as `ssh -F` takes it. */
export type SshDestination = { host: string; configFile?: string };

/** `down`: the last attempt failed, or the connection was lost. Times in milliseconds since 1970. */
export type SshState =
  | { kind: "idle" }
  | { kind: "connecting"; since: number }
  | { kind: "up"; since: number }
  | { kind: "down"; why: SshError; since: number };

export type SshConnectionOptions = {
  destination: SshDestination;
  /** Berth's own known_hosts file, besides the user's and the system's. */
  knownHosts: string;
  log: { info: (context: object, message: string) => void; warn: (context: object, message: string) => void };
  /** From 0 to 1, for the jitter. */
  random: () => number;
};

/** A command that runs on the host until it ends: its standard input and output. 'close' when it has ended. */
export type RemoteProcess = Duplex & {
  /** Its exit code once closed; null where a signal or the loss of the connection ended it. */
  readonly exitCode: number | null | undefined;
  /** The end of what it wrote on standard error. */
  readonly stderr: string;
};

/** A port on the host's loopback, each of whose connections comes here. */
export type Forward = AsyncDisposable & {
  readonly port: number;
  /** When it is no more: disposed, or the connection lost. Never rejects. */
  readonly gone: Promise<void>;
};

/** The one connection to a host: made on demand, kept while somebody keeps it, made again by itself. */
export class SshConnection implements Shell, AsyncDisposable {
  constructor(_options: SshConnectionOptions) {}

  get state(): SshState {
    return { kind: "idle" };
  }

  /** The host's verified key, while the connection is up. */
  get hostKey(): HostKey | undefined {
    return undefined;
  }

  /** Called at every change of `state`, until disposed. */
  onChange(_listener: (state: SshState) => void): Disposable {
    throw new Error("not here yet");
  }

  /** While anything keeps it, the connection is made, and made again by itself after a loss. */
  keep(): Disposable {
    throw new Error("not here yet");
  }

  /** Connects now, a pause after a failed attempt notwithstanding: for the doctor and for what the user asks. @throws SshError */
  connect(_options: { signal?: AbortSignal } = {}): Promise<void> {
    throw new Error("not here yet");
  }

  /** Connects on demand. @throws SshError, which is a CannotAsk; the signal's reason */
  run(_argv: readonly [string, ...string[]], _options?: RunOptions): Promise<CommandResult> {
    throw new Error("not here yet");
  }

  /** Starts a command that lives long. @throws SshError; the signal's reason. Afterwards the signal closes it. */
  open(
    _argv: readonly [string, ...string[]],
    _options: { signal?: AbortSignal } = {},
  ): Promise<RemoteProcess> {
    throw new Error("not here yet");
  }

  /** Has the host listen on a free port of its 127.0.0.1. It goes with the connection: ask again on `up`. @throws SshError */
  forward(_onSocket: (socket: Duplex) => void): Promise<Forward> {
    throw new Error("not here yet");
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
