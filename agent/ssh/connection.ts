import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { BackOff } from "./back-off.ts";
import { Commands } from "./commands.ts";
import { dial } from "./dial.ts";
import { type Forward, Forwards } from "./forwards.ts";
import type { HostKey } from "./host-key.ts";
import type { Dialled } from "./login.ts";
import type { RemoteProcess } from "./remote-process.ts";
import type { CommandResult, RunOptions, Shell } from "./shell.ts";
import type { SshDestination } from "./ssh-config.ts";
import { SshError } from "./trouble.ts";
import { untilAborted } from "./until-aborted.ts";

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
  /** A connection that nobody keeps or uses is ended after so long: a minute unless told. Milliseconds. */
  idleMs?: number;
};

type Argv = readonly [string, ...string[]];

/** A connection with what runs over it. */
type Live = { dialled: Dialled; commands: Commands; forwards: Forwards };

/** A caller waits for the next attempt when it is so near. */
const PATIENCE_MS = 2_000;
const IDLE_MS = 60_000;

/**
 * The one connection to a host: made when it is needed, kept while somebody keeps it, made again by itself after a loss.
 * What runs on it shares sshd's few sessions: at most eight commands at a time, six of them long-lived; others wait.
 */
export class SshConnection implements Shell, AsyncDisposable {
  readonly #options: SshConnectionOptions;
  readonly #stop = new AbortController();
  readonly #backOff: BackOff;
  readonly #listeners = new Set<(state: SshState) => void>();
  #state: SshState = { kind: "idle" };
  #live: Live | undefined;
  #attempt: Promise<Live> | undefined;
  #keepers = 0;
  #users = 0;
  /** The goodbye of a connection that idled. */
  #ending: Promise<void> | undefined;
  /** For the next attempt, or for the end of an idle connection. */
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SshConnectionOptions) {
    this.#options = options;
    this.#backOff = new BackOff(options.random);
  }

  get state(): SshState {
    return this.#state;
  }

  /** The host's verified key, while the connection is up. */
  get hostKey(): HostKey | undefined {
    return this.#live?.dialled.hostKey;
  }

  /** Called at every change of `state`, until disposed. */
  onChange(listener: (state: SshState) => void): Disposable {
    const own = (state: SshState): void => listener(state);
    this.#listeners.add(own);
    return { [Symbol.dispose]: () => void this.#listeners.delete(own) };
  }

  /** While anything keeps it, the connection is made, and made again by itself after a loss. */
  keep(): Disposable {
    this.#keepers += 1;
    this.#schedule();
    let isKept = true;
    return {
      [Symbol.dispose]: () => {
        if (!isKept) return;
        isKept = false;
        this.#keepers -= 1;
        this.#schedule();
      },
    };
  }

  /**
   * Connects now, a pause after a failed attempt notwithstanding: for what a user asks.
   * @throws SshError; the signal's reason
   */
  async connect({ signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.#backOff.skip();
    await this.#connected(signal);
  }

  /**
   * Connects on demand. In a pause between two attempts it waits for the next if that is near, else the last failure is
   * its own.
   * @throws SshError, which is a CannotAsk; the signal's reason
   */
  async run(argv: Argv, { input, timeoutMs, signal }: RunOptions = {}): Promise<CommandResult> {
    const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const either = AbortSignal.any([signal, timeout].filter((each) => each !== undefined));
    try {
      return await this.#use(either, ({ commands }) => commands.run(argv, input, either));
    } catch (error) {
      signal?.throwIfAborted();
      if (timeout?.aborted !== true || error instanceof SshError) throw error;
      throw new SshError(
        "timeout",
        `"${argv[0]}" on "${this.#options.destination.host}" took longer than ${(timeoutMs ?? 0) / 1000} s.`,
        { cause: error },
      );
    }
  }

  /**
   * Starts a command that lives long; resolves when it runs. Afterwards the signal closes it.
   * @throws SshError; the signal's reason
   */
  async open(argv: Argv, { signal }: { signal?: AbortSignal } = {}): Promise<RemoteProcess> {
    const until = signal ?? this.#stop.signal;
    return await this.#use(until, async ({ commands }) => {
      const command = await commands.open(argv, until);
      const close = (): void => command.stop();
      until.addEventListener("abort", close, { once: true });
      this.#users += 1;
      command.once("close", () => {
        until.removeEventListener("abort", close);
        this.#release();
      });
      return command;
    });
  }

  /**
   * Has the host listen on a free port of its 127.0.0.1. It goes with the connection: ask again once that is up.
   * @throws SshError
   */
  async forward(onSocket: (socket: Duplex) => void): Promise<Forward> {
    return await this.#use(this.#stop.signal, async ({ forwards }) => {
      const forward = await forwards.listen(onSocket);
      this.#users += 1;
      void forward.gone.then(() => this.#release());
      return forward;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(this.#ended());
    clearTimeout(this.#timer);
    await this.#attempt?.catch(() => undefined);
    await this.#live?.dialled.end();
    await this.#ending;
    this.#listeners.clear();
  }

  async #use<Value>(signal: AbortSignal, act: (live: Live) => Promise<Value>): Promise<Value> {
    this.#users += 1;
    try {
      return await act(await this.#connected(signal));
    } finally {
      this.#release();
    }
  }

  #release(): void {
    this.#users -= 1;
    this.#schedule();
  }

  async #connected(signal: AbortSignal | undefined): Promise<Live> {
    for (;;) {
      if (this.#stop.signal.aborted) throw this.#ended();
      if (this.#live !== undefined) return this.#live;
      const pause = this.#backOff.pause(Date.now());
      if (this.#attempt !== undefined || pause === 0) return await untilAborted(this.#dial(), signal);
      if (pause > PATIENCE_MS && this.#state.kind === "down") throw this.#state.why;
      const either = AbortSignal.any([this.#stop.signal, ...(signal === undefined ? [] : [signal])]);
      await untilAborted(
        delay(pause, undefined, { signal: either }).catch(() => undefined),
        signal,
      );
    }
  }

  /** The attempt under way, or a new one. */
  #dial(): Promise<Live> {
    if (this.#attempt !== undefined) return this.#attempt;
    clearTimeout(this.#timer);
    const { destination, knownHosts, log } = this.#options;
    this.#change({ kind: "connecting", since: Date.now() });
    const attempt = dial(destination, { knownHosts, signal: this.#stop.signal }).then(
      (dialled) => {
        this.#attempt = undefined;
        return this.#up(dialled);
      },
      (error: unknown) => {
        this.#attempt = undefined;
        const why =
          error instanceof SshError
            ? error
            : new SshError("config", `Cannot connect to "${destination.host}": ${String(error)}`, {
                cause: error,
              });
        this.#down(why);
        log.warn(
          { host: destination.host, trouble: why.trouble, error: why.message },
          "cannot connect by ssh",
        );
        throw why;
      },
    );
    attempt.catch(() => undefined);
    this.#attempt = attempt;
    return attempt;
  }

  #up(dialled: Dialled): Live {
    const { destination, log } = this.#options;
    const since = Date.now();
    const live: Live = {
      dialled,
      commands: new Commands(dialled, destination.host),
      forwards: new Forwards(dialled, destination.host),
    };
    this.#live = live;
    void dialled.lost.then((why) => {
      if (this.#live !== live) return;
      this.#live = undefined;
      if (why.trouble === "ended") {
        this.#change({ kind: "idle" });
        return;
      }
      log.warn({ host: destination.host, error: why.message }, "the ssh connection is lost");
      this.#down(why, since);
    });
    log.info({ host: destination.host }, "connected by ssh");
    this.#change({ kind: "up", since });
    this.#schedule();
    return live;
  }

  #down(why: SshError, upSince?: number): void {
    const now = Date.now();
    this.#backOff.failed(why.trouble, now, upSince);
    this.#change({ kind: "down", why, since: now });
    this.#schedule();
  }

  /** Sees to what is to happen by itself next: a further attempt, or the end of a connection that idles. */
  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#stop.signal.aborted || this.#attempt !== undefined) return;
    if (this.#live === undefined) {
      if (this.#keepers === 0) return;
      this.#timer = setTimeout(() => void this.#dial(), this.#backOff.pause(Date.now()));
    } else if (this.#keepers === 0 && this.#users === 0) {
      this.#timer = setTimeout(() => this.#endIdle(), this.#options.idleMs ?? IDLE_MS);
    }
  }

  #endIdle(): void {
    const ending = this.#live?.dialled;
    this.#live = undefined;
    this.#change({ kind: "idle" });
    this.#ending = ending?.end();
  }

  #change(state: SshState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener(state);
  }

  #ended(): SshError {
    return new SshError("ended", `The connection to "${this.#options.destination.host}" is no longer used.`);
  }
}
