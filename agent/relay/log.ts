import { watch } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { isMissing, openRegularFile } from "../regular-file.ts";
import type { AnswerSender, AnswerSource } from "./answer.ts";

const CHUNK = 65_536;

/** A network file system may tell nothing of a write; milliseconds. */
const POLL_MS = 1_000;

/** How soon a log that is not there yet is looked for again; milliseconds. */
const ABSENT_POLL_MS = 50;

/** What was read, and where it begins; `ends`: what came behind it was left out. */
type LogPiece = { bytesRead: number; from: number; ends: boolean };

/** A file that grows, and of which something may be left out meanwhile; see SessionLog. */
export type ReadableLog = {
  readonly path: string;
  read: (file: FileHandle, buffer: Buffer, offset: number) => Promise<LogPiece>;
};

export type LogOptions = {
  log: ReadableLog;
  follow: boolean;
  /** Server-sent events instead of text: each is a JSON string of a piece of the log, its id the offset after it. */
  asEvents: boolean;
  /** Where to start, in bytes: after a reconnect, the last event's id. */
  offset: number;
  /** True once nothing more will be written. */
  isOver: () => boolean;
};

/** Reads a session's log to an answer, from an offset, and on as it grows while the session lives. */
export class LogReader implements AnswerSource {
  readonly #abort = new AbortController();
  #resume: (() => void) | undefined;
  #paused = false;

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#resume?.();
  }

  abort(): void {
    this.#abort.abort();
    this.#resume?.();
  }

  async read(options: LogOptions, sender: Pick<AnswerSender, "head" | "write" | "end">): Promise<void> {
    const { signal } = this.#abort;
    const type = options.asEvents ? "text/event-stream; charset=utf-8" : "text/plain; charset=utf-8";
    const headers: [string, string][] = [
      ["content-type", type],
      ["cache-control", "no-store"],
      ["x-content-type-options", "nosniff"],
    ];
    sender.head(200, headers, null);
    await using file = await this.#open(options);
    if (file === undefined) {
      sender.end();
      return;
    }
    const grown = new Growth(options.log.path, options.follow);
    const buffer = Buffer.alloc(CHUNK);
    let offset = options.offset;
    try {
      while (!signal.aborted) {
        const isLast = !options.follow || options.isOver();
        const { bytesRead, from, ends } = await options.log.read(file, buffer, offset);
        // A reader that comes back begins with a whole character, too.
        const whole = options.asEvents ? wholeCharacters(buffer.subarray(0, bytesRead)) : bytesRead;
        const size = whole === 0 && (isLast || ends) ? bytesRead : whole;
        if (size === 0 && isLast) break;
        if (size === 0) {
          await grown.next(signal);
          continue;
        }
        offset = from + size;
        const bytes = buffer.subarray(0, size);
        if (options.asEvents)
          sender.write(
            Buffer.from(`id: ${offset}\nevent: line\ndata: ${JSON.stringify(bytes.toString())}\n\n`),
          );
        else sender.write(Buffer.from(bytes));
        if (this.#paused) await this.#untilResumed();
      }
      if (options.asEvents) sender.write(Buffer.from("event: end\ndata: null\n\n"));
      sender.end();
    } finally {
      grown.close();
    }
  }

  /** A session that is just being launched has no log yet: who follows it waits, who does not gets an empty one. */
  async #open({ log: { path }, follow, isOver }: LogOptions): Promise<FileHandle | undefined> {
    for (;;) {
      try {
        return await openRegularFile(path);
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
      if (!follow || isOver() || this.#abort.signal.aborted) return undefined;
      await delay(ABSENT_POLL_MS, undefined, { signal: this.#abort.signal }).catch(() => undefined);
    }
  }

  #untilResumed(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resume = resolve;
    return promise;
  }
}

/** How many of these bytes are left when a character of UTF-8 (RFC 3629) that is cut by their end is left out. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return back < wanted ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Wakes a reader when its file has grown, or may have. */
class Growth {
  readonly #watcher: ReturnType<typeof watch> | undefined;
  #grown = false;
  #wake: (() => void) | undefined;

  constructor(path: string, follow: boolean) {
    this.#watcher = follow ? watch(path, { persistent: false }, () => this.#signal()) : undefined;
    this.#watcher?.on("error", () => undefined);
  }

  async next(signal: AbortSignal): Promise<void> {
    if (!this.#grown && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const wake = (): void => resolve();
      const timer = setTimeout(wake, POLL_MS);
      signal.addEventListener("abort", wake);
      await promise;
      signal.removeEventListener("abort", wake);
      clearTimeout(timer);
    }
    this.#grown = false;
  }

  close(): void {
    this.#watcher?.close();
  }

  #signal(): void {
    this.#grown = true;
    this.#wake?.();
  }
}
