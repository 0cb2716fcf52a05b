import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import type { SshConnection } from "../ssh/connection.ts";
import type { RemoteProcess } from "../ssh/remote-process.ts";
import { CannotAsk } from "../ssh/shell.ts";
import { library } from "../script/parts.ts";

/** The pause before the program is started again after it was lost, and before a sink that failed is tried again; milliseconds. */
const AGAIN_MS = 1000;
/** What the program tells at most of a file at a time, bytes; where it does, more stands there. */
const FULL = 262_144;
/** The pause after a full piece, milliseconds: what writes without end must not fill the connection and the disk. */
const FULL_PAUSE_MS = 200;
/** Read at once when the rest of a file is fetched, bytes. */
const PIECE = 1_048_576;
/** So much of a file's end is fetched at most, bytes. */
const MOST_LEFT = 16 * PIECE;

export type FileSink = {
  path: string;
  /** Where to go on, bytes. */
  offset: number;
  /**
   * Takes what stands from `offset` on; the next piece waits for it, and where it fails, that piece comes again. An
   * `offset` behind the last piece leaves some out; one before it is of a file that was cut short.
   */
  onBytes: (bytes: Buffer, offset: number) => Promise<void>;
};

/** A file that is being followed. Disposed, nothing more of it is told. */
export type FollowedFile = Disposable & {
  /** Fetches what has not been told yet, to the end of the file as it is now. @throws CannotAsk */
  drain: () => Promise<void>;
};

type Followed = FileSink & { key: string; turn: Promise<void> };

/** Prints where a piece begins, the file's size, and the piece: from byte $2 on, at most the last $3. Nothing where it is no file. */
const READ_REST = `[ -f "$1" ] || exit 0
size=$(wc -c <"$1") || exit 1
from=$2
[ "$size" -ge "$from" ] || from=0
[ $((size - from)) -le "$3" ] || from=$((size - $3))
echo "$from $size"
tail -c "+$((from + 1))" -- "$1" | head -c ${PIECE}`;

/**
 * Follows files on the cluster that grow, all of them by one program at the other end of the connection: sshd allows few
 * channels (MaxSessions, 10), and a call for every look at every file would be a process each. A lost connection leaves
 * no gap and no repeat, since each file is asked for again from where it was. A file waits for its own sink alone.
 */
export class FileFollower implements AsyncDisposable {
  readonly #connection: Pick<SshConnection, "open" | "run">;
  readonly #followed = new Map<string, Followed>();
  readonly #stopped = new AbortController();
  #nextKey = 0;
  #process: RemoteProcess | undefined;
  #running: Promise<void> | undefined;

  constructor(connection: Pick<SshConnection, "open" | "run">) {
    this.#connection = connection;
  }

  follow(sink: FileSink): FollowedFile {
    const entry: Followed = { ...sink, key: `f${this.#nextKey++}`, turn: Promise.resolve() };
    this.#followed.set(entry.key, entry);
    this.#begin(entry);
    this.#running ??= this.#run();
    const stop = (): void => {
      if (!this.#followed.delete(entry.key)) return;
      this.#say(`- ${entry.key}`);
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

  #begin({ key, offset, path }: Followed): void {
    this.#say(`+ ${key} ${offset} ${path}`);
  }

  #say(line: string): void {
    if (this.#process?.writable === true) this.#process.write(`${line}\n`);
  }

  /** Keeps the program running while there is anything to follow. */
  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    while (this.#followed.size > 0 && !signal.aborted) {
      // Whoever asks something of the cluster says why it cannot be reached.
      await this.#runOnce(signal).catch(() => undefined);
      if (this.#followed.size > 0) await delay(AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
    // Within the turn in which nothing was left: who comes next starts it again.
    this.#running = undefined;
  }

  async #runOnce(signal: AbortSignal): Promise<void> {
    const child = await this.#connection.open(["bash", "--norc", "-c", library("follow.sh")], { signal });
    try {
      this.#process = child;
      for (const entry of this.#followed.values())
        // What an earlier program has told may still be on its way into the sink.
        void entry.turn.then(() => {
          if (this.#process === child && this.#followed.has(entry.key)) this.#begin(entry);
        });
      // It may have lost its last file while it was being started.
      if (this.#followed.size === 0) child.end();
      for await (const line of createInterface({ input: child })) this.#take(line);
    } finally {
      this.#process = undefined;
      child.stop();
    }
  }

  /** Takes a piece in its file's turn, and has the next sent once it is taken. */
  #take(line: string): void {
    const [, key = "", offset, bytes = ""] = /^(f\d+) (\d+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
    const entry = this.#followed.get(key);
    if (entry === undefined) return;
    const teller = this.#process;
    const piece = Buffer.from(bytes, "base64");
    entry.turn = this.#handOver(entry, piece, Number(offset)).then(async (isTaken) => {
      const pause = isTaken ? FULL_PAUSE_MS : AGAIN_MS;
      if (!isTaken || piece.length >= FULL) await this.#pause(pause, entry);
      // A program that was started meanwhile has been told where to begin, and waits for nothing.
      if (this.#process === teller && this.#followed.has(key)) this.#say(`= ${key} ${entry.offset}`);
    });
  }

  /** @returns whether the sink has taken it: a disk that is full may have room again */
  async #handOver(entry: Followed, bytes: Buffer, offset: number): Promise<boolean> {
    try {
      await entry.onBytes(bytes, offset);
    } catch {
      return false;
    }
    entry.offset = offset + bytes.length;
    return true;
  }

  /** Cut short where nobody follows the file any more. */
  async #pause(milliseconds: number, { key }: Followed): Promise<void> {
    const { signal } = this.#stopped;
    const end = performance.now() + milliseconds;
    while (this.#followed.has(key) && !signal.aborted && performance.now() < end)
      await delay(50, undefined, { signal }).catch(() => undefined);
  }

  /** To the end of the file as it is at first: somebody may be writing on. */
  async #drain(entry: Followed): Promise<void> {
    for (let end = Infinity; entry.offset < end;) {
      const { code, stdout } = await this.#connection.run(
        ["sh", "-c", READ_REST, "sh", entry.path, String(entry.offset), String(MOST_LEFT)],
        { timeoutMs: 60_000 },
      );
      if (code !== 0) throw new CannotAsk(`Cannot read "${entry.path}" on the cluster`);
      const [head = "", from, size] = /^(\d+) +(\d+)\n/.exec(stdout.toString("latin1", 0, 64)) ?? [];
      const bytes = stdout.subarray(head.length);
      if (bytes.length === 0) return;
      end = Math.min(end, Number(size));
      await entry.onBytes(bytes, Number(from));
      entry.offset = Number(from) + bytes.length;
    }
  }
}
