import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { open, rm } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";

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

/** The file that a session's process writes its output to. */
export class SessionLog {
  readonly path: string;
  /** What we write is written one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.path = path;
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
    const done = this.#turn.then(async () => {
      await using file = await this.open();
      return await task(file);
    });
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
