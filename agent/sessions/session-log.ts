import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { lstat, open, rm } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import { cutMiddle, type LogCut, placeOf, readLogCut, writeLogCut } from "./log-cut.ts";

/** What an error message quotes of a log. */
const QUOTED_LINES = 15;
const QUOTED_BYTES = 4096;

/** The end of a line that alone is too long; the cut may be within a character. */
const endOf = (line: string): string =>
  Buffer.from(line)
    .subarray(-QUOTED_BYTES)
    .toString()
    .replace(/^\uFFFD+/, "");

/** What is read to find it: control sequences and progress bars can make up most of a log. */
const READ_BYTES = 65_536;

/** The service can put what it likes in the log's place: a link is not followed, and a FIFO does not block us. */
const GUARDED = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** How a link, a pipe that nobody reads, a socket and a folder refuse to be written to (open(2)). */
const NO_FILE: ReadonlySet<string> = new Set(["ELOOP", "ENXIO", "EISDIR"]);

/** How large a log may become where nothing else is said, bytes. */
const LOG_LIMIT = 67_108_864;

/**
 * The file that a session's process writes its output to. Past its limit the middle is left out; offsets count all that was
 * ever written.
 */
export class SessionLog {
  readonly path: string;
  /** How large it may become, bytes. */
  readonly limit: number;
  /** What we write is written one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #cut: Promise<LogCut> | undefined;
  #cuts = 0;
  #isCutting = false;

  constructor(path: string, limit: number = LOG_LIMIT) {
    this.path = path;
    this.limit = limit;
  }

  /**
   * Opens it for a process to append to, and makes it where it is missing. What else a service has put in its place makes
   * way: the session could not be ended for want of a log.
   */
  async open(): Promise<FileHandle> {
    const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | GUARDED;
    const file = await open(this.path, flags, 0o600).catch((error: unknown) => {
      if (error instanceof Error && "code" in error && NO_FILE.has(String(error.code))) return undefined;
      throw error;
    });
    if (file !== undefined && (await file.stat()).isFile()) return file;
    await file?.close();
    // Of a link the link alone is removed.
    await rm(this.path, { recursive: true, force: true });
    return open(this.path, flags, 0o600);
  }

  /** Adds a line of ours. */
  say(text: string): Promise<void> {
    return this.write((file) => file.appendFile(`berth: ${text}\n`));
  }

  /** Writes while nothing else of ours does. */
  write<Result>(task: (file: FileHandle) => Promise<Result>): Promise<Result> {
    return this.#inTurn(async () => {
      await using file = await this.open();
      return await task(file);
    });
  }

  /**
   * Reads what is left of the log from an offset on.
   * @param file the log, open
   * @returns `from`: where that begins, further on than the offset where something was left out; `ends`: what came behind it was
   */
  async read(
    file: FileHandle,
    buffer: Buffer,
    offset: number,
  ): Promise<{ bytesRead: number; from: number; ends: boolean }> {
    for (;;) {
      const cuts = this.#cuts;
      const { from, at, length } = placeOf(await this.#whatIsCut(), offset);
      const { bytesRead } = await file.read(buffer, 0, Math.min(length, buffer.length), at);
      if (cuts === this.#cuts && !this.#isCutting) return { bytesRead, from, ends: bytesRead === length };
      // Meanwhile it may have become another file.
      await this.#turn;
    }
  }

  /**
   * Leaves out the middle of a log that has become larger than it may.
   * @param onCut called before, while nobody else of ours writes
   * @returns how large the file was before, and is now
   */
  async bound(
    onCut: () => Promise<void> = () => Promise.resolve(),
  ): Promise<{ before: number; after: number }> {
    const size = await this.#size();
    if (size <= this.limit) return { before: size, after: size };
    return this.#inTurn(async () => {
      // Somebody's turn before may have been for this, too.
      const now = await this.#size();
      if (now <= this.limit) return { before: size, after: now };
      await onCut();
      await using file = await open(this.path, constants.O_RDWR | constants.O_APPEND | GUARDED);
      const before = await this.#whatIsCut();
      this.#isCutting = true;
      try {
        await cutMiddle(file, { before, limit: this.limit, note: (cut) => this.#note(cut) });
      } finally {
        this.#isCutting = false;
        this.#cuts += 1;
      }
      return { before: size, after: await this.#size() };
    });
  }

  /** 0 of what is no file, and of one with other names, which may be another's. */
  async #size(): Promise<number> {
    const file = await lstat(this.path).catch(() => undefined);
    return file?.isFile() === true && file.nlink === 1 ? file.size : 0;
  }

  #whatIsCut(): Promise<LogCut> {
    return (this.#cut ??= readLogCut(`${this.path}.cut`));
  }

  async #note(cut: LogCut): Promise<void> {
    this.#cut = Promise.resolve(cut);
    await writeLogCut(`${this.path}.cut`, cut);
  }

  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(task);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  /** The last lines as a terminal would show them; none when there is no log. */
  async lastLines(): Promise<string[]> {
    const text = await this.#end().catch(() => "");
    const lines = stripVTControlCharacters(text)
      .split("\n")
      // Of a line that was written over and over (a progress bar) the last state counts.
      .map(
        (line) =>
          line
            .trimEnd()
            .split("\r")
            .at(-1)
            ?.replaceAll(/\p{Cc}/gu, (c) => (c === "\t" ? c : "")) ?? "",
      )
      .filter((line) => line !== "")
      .slice(-QUOTED_LINES);
    while (Buffer.byteLength(lines.join("\n")) > QUOTED_BYTES && lines.length > 1) lines.shift();
    return lines.map((line) => (Buffer.byteLength(line) > QUOTED_BYTES ? endOf(line) : line));
  }

  async #end(): Promise<string> {
    await using file = await open(this.path, constants.O_RDONLY | GUARDED);
    const { size } = await file.stat();
    const from = Math.max(0, size - READ_BYTES);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(size - from), position: from });
    return buffer.toString("utf8", 0, bytesRead);
  }
}
