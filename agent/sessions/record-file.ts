import type { Logger } from "pino";
import type { ClusterLaunch, SessionRecord } from "./record.ts";
import { RECORD, writeRecord } from "./record.ts";
import type { SessionDirectory } from "./session-directory.ts";

type Head = "version" | "spec" | "want";
/** What a phase adds to the record. */
export type Phase<Kind = SessionRecord> = Kind extends SessionRecord ? Omit<Kind, Head> : never;

/** What is learned of a launch while it lives. */
export type Progress = Partial<
  Omit<ClusterLaunch, "where" | "port" | "startedAt" | "readiness" | "resource" | "directory">
>;

/**
 * A session's record, in memory at once and on disk in order. A disk that refuses is reported and ends no session,
 * except where nothing may be done without the record.
 */
export class RecordFile {
  readonly #directory: SessionDirectory;
  readonly #log: Pick<Logger, "warn">;
  #current: SessionRecord;
  #written: Promise<void> = Promise.resolve();

  constructor(record: SessionRecord, directory: SessionDirectory, log: Pick<Logger, "warn">) {
    this.#current = record;
    this.#directory = directory;
    this.#log = log;
  }

  get current(): SessionRecord {
    return this.#current;
  }

  /** Resolved when nothing is left to be written. */
  get written(): Promise<void> {
    return this.#written;
  }

  wantCancel(): Promise<void> {
    this.#current = { ...this.#current, want: "cancel" };
    return this.#save();
  }

  enter(phase: Phase): Promise<void> {
    this.#set(phase);
    return this.#save();
  }

  /** @throws Error when the disk refuses */
  mustEnter(phase: Phase): Promise<void> {
    this.#set(phase);
    return this.#write();
  }

  async progress(progress: Progress): Promise<void> {
    if (this.#progressed(progress)) await this.#save();
  }

  /** @throws Error when the disk refuses */
  async mustProgress(progress: Progress): Promise<void> {
    if (this.#progressed(progress)) await this.#write();
  }

  #progressed(progress: Progress): boolean {
    const record = this.#current;
    if (record.phase !== "launched") return false;
    this.#current = { ...record, launch: { ...record.launch, ...progress } };
    return true;
  }

  #set(phase: Phase): void {
    const { version, spec, want } = this.#current;
    this.#current = { version, spec, want, ...phase };
  }

  /** Writes the record as it is when its turn comes. */
  #write(): Promise<void> {
    const turn = this.#written.then(async () => {
      await this.#directory.make();
      await writeRecord(this.#directory.file(RECORD), this.#current);
    });
    this.#written = turn.catch(() => undefined);
    return turn;
  }

  async #save(): Promise<void> {
    try {
      await this.#write();
    } catch (error) {
      this.#log.warn({ err: error, session: this.#directory.id }, "cannot write a session's record");
    }
  }
}
