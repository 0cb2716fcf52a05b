import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { SshConnection } from "../ssh/connection.ts";
import type { RemoteProcess } from "../ssh/remote-process.ts";
import { CannotAsk } from "../ssh/shell.ts";
import { library } from "../script/parts.ts";

/** The pause before the program is started again after it was lost; milliseconds. */
const AGAIN_MS = 1000;
/** Read at once when the rest of a file is fetched, bytes. */
const PIECE = 1_048_576;

export type FileSink = {
  path: string;
  /** Where to go on, bytes. */
  offset: number;
  /** Takes what stands from `offset` on. The next piece waits for it. */
  onBytes: (bytes: Buffer, offset: number) => Promise<void>;
};

/** A file that is being followed. Disposed, nothing more of it is told. */
export type FollowedFile = Disposable & {
  /** Fetches what has not been told yet, to the end of the file as it is now. @throws CannotAsk */
  drain: () => Promise<void>;
};

type Followed = FileSink & { key: string; turn: Promise<void> };

/**
 * Follows files on the cluster that grow, all of them by one program at the other end of the connection: sshd allows few
 * channels (MaxSessions, 10), and a call for every look at every file would be a process each. A lost connection leaves
 * no gap and no repeat, since each file is asked for again from where it was.
 */
export class FileFollower implements AsyncDisposable {
  readonly #connection: SshConnection;
  readonly #followed = new Map<string, Followed>();
  readonly #stopped = new AbortController();
  #nextKey = 0;
  #process: RemoteProcess | undefined;
  #running: Promise<void> | undefined;

  constructor(connection: SshConnection) {
    this.#connection = connection;
  }

  follow(sink: FileSink): FollowedFile {
    const entry: Followed = { ...sink, key: `f${this.#nextKey++}`, turn: Promise.resolve() };
    this.#followed.set(entry.key, entry);
    this.#say(entry);
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    const stop = (): void => {
      if (!this.#followed.delete(entry.key)) return;
      if (this.#process?.writable === true) this.#process.write(`- ${entry.key}\n`);
      if (this.#followed.size === 0) this.#process?.end();
    };
    return {
      drain: async () => {
        stop();
        await entry.turn;
        await this.#drain(entry);
      },
      [Symbol.dispose]: stop,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    this.#process?.stop();
    await this.#running;
  }

  #say({ key, offset, path }: Followed): void {
    if (this.#process?.writable === true) this.#process.write(`+ ${key} ${offset} ${path}\n`);
  }

  /** Keeps the program running while there is anything to follow. */
  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (this.#followed.size > 0 && !signal.aborted) {
      try {
        const child = await this.#connection.open(["bash", "--norc", "-c", library("follow.sh")], { signal });
        this.#process = child;
        child.on("error", () => undefined);
        const closed = once(child, "close");
        for (const entry of this.#followed.values()) this.#say(entry);
        // It may have lost its last file while it was being started.
        if (this.#followed.size === 0) child.end();
        for await (const line of createInterface({ input: child })) await this.#take(line);
        await closed;
      } catch {
        // Whoever asks something of the cluster says why it cannot be reached.
      } finally {
        this.#process = undefined;
      }
      if (this.#followed.size > 0) await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #take(line: string): Promise<void> {
    const [, key = "", offset, bytes = ""] = /^(f\d+) (\d+) ([A-Za-z0-9+/=]*)$/.exec(line) ?? [];
    const entry = this.#followed.get(key);
    if (entry !== undefined) await this.#hand(entry, Buffer.from(bytes, "base64"), Number(offset));
  }

  /** Hands a piece on in its turn; one that does not follow the last has been told already. */
  #hand(entry: Followed, bytes: Buffer, offset: number): Promise<void> {
    entry.turn = entry.turn.then(async () => {
      if (bytes.length === 0 || offset < entry.offset) return;
      await entry.onBytes(bytes, offset);
      entry.offset = offset + bytes.length;
    });
    return entry.turn;
  }

  async #drain(entry: Followed): Promise<void> {
    for (;;) {
      const script = `[ -f "$1" ] || exit 0; tail -c "+$2" -- "$1" | head -c ${PIECE}`;
      const { code, stdout } = await this.#connection.run(
        ["sh", "-c", script, "sh", entry.path, String(entry.offset + 1)],
        { timeoutMs: 60_000 },
      );
      if (code !== 0) throw new CannotAsk(`Cannot read "${entry.path}" on the cluster`);
      if (stdout.length === 0) return;
      await this.#hand(entry, stdout, entry.offset);
    }
  }
}
