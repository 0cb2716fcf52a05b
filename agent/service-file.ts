import { randomBytes } from "node:crypto";
import { open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { BerthError } from "../contract/problem.ts";
import type { ServiceJson, ServiceJsonChanges, ServiceJsonReading } from "../contract/service-json.ts";
import { composeServiceJson, parseServiceJson, SERVICE_JSON_LIMIT } from "../contract/service-json.ts";
import { FileWatch } from "./file-watch.ts";
import { isMissing, openRegularFile } from "./regular-file.ts";

const NAME = "service.json";

/** A broken file is read once more after this, milliseconds: somebody may be in the middle of writing it. */
const HALF_WRITTEN_MS = 20;
/** How often to wait for somebody who does not stop writing, before taking the file as it is. */
const LOOKS = 5;

export type ServiceFileEvents = {
  /** A good state that differs from the last good one, and is not our own writing. */
  onChange: (value: ServiceJson) => void;
  /** The file cannot be read; the last good state stands. Once per broken content. */
  onBroken: (reason: string) => void;
};

/** What the path holds: `content` tells one state of it from another; null when there is no such file. */
type Look = { content: string | null; reading: ServiceJsonReading };

async function look(path: string): Promise<Look> {
  try {
    await using file = await openRegularFile(path);
    // One read of a bounded size: the file may be growing for ever.
    const { size } = await file.stat();
    const bytes = Buffer.allocUnsafe(Math.min(size, SERVICE_JSON_LIMIT + 1));
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    const content = bytes.toString("utf8", 0, bytesRead);
    return { content, reading: parseServiceJson(content) };
  } catch (error) {
    if (isMissing(error)) return { content: null, reading: { ok: false, reason: "it is gone" } };
    const reason = error instanceof Error ? error.message : String(error);
    return { content: reason, reading: { ok: false, reason } };
  }
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  // Not every network file system can; the rename has happened all the same.
  await directory.sync().catch(() => undefined);
}

/**
 * A session's service.json (design 3.1). The agent writes it, anybody in the workspace may edit it at any time, with
 * any editor: the last good state is `current`, and every new one is told within milliseconds.
 */
export class ServiceFile implements AsyncDisposable {
  readonly #directory: string;
  readonly #path: string;
  readonly #events: ServiceFileEvents;
  readonly #watch: FileWatch;
  /** Looks and writes happen one after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #isLookDue = false;
  #isClosed = false;
  #current: ServiceJson | undefined;
  #raw: Readonly<Record<string, unknown>> = {};
  /** The content that was last judged; undefined before the first look. */
  #judged: string | null | undefined;

  private constructor(directory: string, events: ServiceFileEvents) {
    this.#directory = directory;
    this.#path = join(directory, NAME);
    this.#events = events;
    this.#watch = new FileWatch(directory, NAME, () => this.#touched());
  }

  /**
   * Opens the file of a session's directory, which must be there; the file need not be. What stands in it is
   * `current` from the beginning and no change.
   */
  static async open(directory: string, events: ServiceFileEvents): Promise<ServiceFile> {
    const file = new ServiceFile(directory, events);
    await file.#inTurn(() => file.#look({ isFirst: true }));
    return file;
  }

  /** The last good state; undefined while there has been none. */
  get current(): ServiceJson | undefined {
    return this.#current;
  }

  /** Looks now rather than when the watch says so: what is new has been told when it returns. */
  refresh(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#isClosed) await this.#look();
    });
  }

  /**
   * Writes the changes over what the file holds at this moment: unknown keys and other people's edits survive, and
   * edits that had not been noticed yet are told first. A broken file is replaced by its last good state. A link in the
   * file's place is replaced too, never followed. Atomic, and on disk when it returns.
   * @throws BerthError `internal` when the changes do not make a valid file; Error when the disk refuses
   */
  async write(changes: ServiceJsonChanges): Promise<void> {
    if (this.#isClosed) throw new BerthError("internal", "Cannot write service.json: it is closed");
    await this.#inTurn(async () => {
      for (let attempt = 1; !(await this.#replace(changes, attempt === LOOKS)); attempt++);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#watch[Symbol.dispose]();
    await this.#turn;
  }

  #inTurn(task: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(task);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  #touched(): void {
    // Looks do not pile up where a file server hangs.
    if (this.#isLookDue) return;
    this.#isLookDue = true;
    void this.#inTurn(async () => {
      this.#isLookDue = false;
      if (!this.#isClosed) await this.#look();
    });
  }

  async #look({ isFirst = false } = {}): Promise<void> {
    // Opened anew each time: that, unlike stat(2), makes an NFS client ask its server.
    let { content, reading } = await look(this.#path);
    for (let looks = 1; looks < LOOKS && !reading.ok && content !== this.#judged; looks++) {
      await delay(HALF_WRITTEN_MS);
      const again = await look(this.#path);
      if (again.content === content) break;
      ({ content, reading } = again);
    }
    if (content === this.#judged) return;
    this.#judged = content;
    if (reading.ok) this.#accept(reading, isFirst);
    else if (content !== null || this.#current !== undefined) this.#events.onBroken(reading.reason);
  }

  #accept({ value, raw }: Extract<ServiceJsonReading, { ok: true }>, silently: boolean): void {
    const isNew = !isDeepStrictEqual(value, this.#current);
    this.#current = value;
    this.#raw = raw;
    if (isNew && !silently) this.#events.onChange(value);
  }

  /** One attempt to write; false when somebody else has written meanwhile, unless `regardless`. */
  async #replace(changes: ServiceJsonChanges, regardless: boolean): Promise<boolean> {
    await this.#look();
    const content = composeServiceJson(this.#raw, changes);
    const reading = parseServiceJson(content);
    if (!reading.ok) throw new BerthError("internal", `Cannot write service.json: ${reading.reason}`);
    if (content === this.#judged) return true;

    const temporary = join(this.#directory, `.${NAME}.${randomBytes(6).toString("hex")}`);
    try {
      {
        // `x` neither follows nor reuses what a service may have put there.
        await using file = await open(temporary, "wx", 0o600);
        await file.writeFile(content);
        await file.sync();
      }
      // The sync takes its time, in which an edit would be lost.
      if (!regardless && (await look(this.#path)).content !== this.#judged) return false;
      await rename(temporary, this.#path);
    } finally {
      await unlink(temporary).catch(() => undefined);
    }
    this.#judged = content;
    this.#accept(reading, true);
    await syncDirectory(this.#directory);
    return true;
  }
}
