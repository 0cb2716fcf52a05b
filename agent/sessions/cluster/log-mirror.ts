import { readFile, rename, writeFile } from "node:fs/promises";
import { z } from "zod";
import type { SessionDirectory } from "../session-directory.ts";

/** The file in the session's directory that says how far the log on the cluster has been copied. */
const POSITION = "log-position.json";

/** What is copied into the session's log: files in the session's directory on the cluster. */
export type Mirrored = "log" | "scheduler.log" | "controller/log";

const count = z.int().nonnegative();
const Position = z.object({
  /** How much of each file stands in our log, bytes. */
  offsets: z.record(z.string(), count),
  /** A piece that is being appended: our log's size before it, what it adds, and where to go on with its file then. */
  pending: z.object({ source: z.string(), size: count, bytes: count, next: count }).nullable(),
});
type Position = z.infer<typeof Position>;

/** Undefined where it is none: a host that lost its power may leave half a file. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The copy of a cluster session's output in its log in the workspace. What is appended is noted before, so that an agent
 * which died in between knows whether a piece stands there: no byte is lost, and none comes twice.
 */
export class LogMirror {
  readonly #directory: SessionDirectory;
  #position: Position;

  private constructor(directory: SessionDirectory, position: Position) {
    this.#directory = directory;
    this.#position = position;
  }

  /** Finds out how far the copy is. */
  static async open(directory: SessionDirectory): Promise<LogMirror> {
    const text = await readFile(directory.file(POSITION), "utf8").catch(() => "");
    const position = Position.safeParse(parsed(text)).data ?? { offsets: {}, pending: null };
    const mirror = new LogMirror(directory, position);
    await mirror.#settle();
    return mirror;
  }

  /** Where to go on with a file, bytes. */
  offset(source: Mirrored): number {
    return this.#position.offsets[source] ?? 0;
  }

  /**
   * Copies what stands in a file from `offset` on. Where that leaves some out, the log says so.
   * @throws Error when the disk refuses; nothing of it is copied then
   */
  async append(source: Mirrored, bytes: Buffer, offset: number): Promise<void> {
    const left = offset - this.offset(source);
    const gap = left > 0 ? `\nberth: ${left} bytes of the output are left out here\n` : "";
    const text = Buffer.concat([Buffer.from(gap), bytes]);
    await this.#directory.log.write(async (file) => {
      const { size } = await file.stat();
      const pending = { source, size, bytes: text.length, next: offset + bytes.length };
      await this.#note({ ...this.#position, pending });
      try {
        await file.appendFile(text);
      } catch (error) {
        // A disk that is full may have taken a part.
        await file.truncate(size);
        throw error;
      }
      this.#position = this.#after(pending);
    });
    // In a log that has become shorter a noted piece would not be found again. What fails is done with the next piece.
    await this.#directory.log.bound(() => this.#note(this.#position)).catch(() => undefined);
  }

  #after({ source, next }: NonNullable<Position["pending"]>): Position {
    return { offsets: { ...this.#position.offsets, [source]: next }, pending: null };
  }

  /** A piece that was being appended when the agent died is there or it is not; a part of it goes. */
  async #settle(): Promise<void> {
    const { pending } = this.#position;
    if (pending === null) return;
    await this.#directory.log.write(async (file) => {
      const { size } = await file.stat();
      const isThere = size >= pending.size + pending.bytes;
      if (!isThere && size > pending.size) await file.truncate(pending.size);
      this.#position = isThere ? this.#after(pending) : { ...this.#position, pending: null };
    });
  }

  async #note(position: Position): Promise<void> {
    const path = this.#directory.file(POSITION);
    await writeFile(`${path}.next`, JSON.stringify(position), { mode: 0o600 });
    await rename(`${path}.next`, path);
  }
}
