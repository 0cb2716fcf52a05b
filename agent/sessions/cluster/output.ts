import type { FileFollower, FollowedFile } from "../../resources/file-follower.ts";
import type { SessionDirectory } from "../session-directory.ts";
import type { LogMirror, Mirrored } from "./log-mirror.ts";
import type { RemoteDirectory } from "./remote-directory.ts";

/** The files on the cluster that make up a session's log: the script's output, and the scheduler's own messages. */
const SOURCES: readonly Mirrored[] = ["controller/log", "log", "scheduler.log"];

/** A cluster session's output, as it comes into the session's log in the workspace. */
export class Output implements Disposable {
  readonly #directory: SessionDirectory;
  readonly #mirror: LogMirror;
  readonly #files: FileFollower;
  readonly #remote: RemoteDirectory;
  #followed: FollowedFile[] = [];

  constructor(options: {
    directory: SessionDirectory;
    mirror: LogMirror;
    files: FileFollower;
    remote: RemoteDirectory;
  }) {
    ({
      directory: this.#directory,
      mirror: this.#mirror,
      files: this.#files,
      remote: this.#remote,
    } = options);
  }

  /** Begins to follow; repeatable. */
  follow(): void {
    if (this.#followed.length > 0) return;
    this.#followed = SOURCES.map((source) =>
      this.#files.follow({
        path: this.#remote.file(source),
        offset: this.#mirror.offset(source),
        onBytes: (bytes, offset) => this.#mirror.append(source, bytes, offset),
      }),
    );
  }

  /** Brings what has not come yet, and follows no longer. @throws CannotAsk */
  async drain(): Promise<void> {
    this.follow();
    const followed = this.#followed;
    this.#followed = [];
    for (const file of followed) await file.drain();
  }

  /** The last lines of the log as it is in the workspace. */
  lastLines(): Promise<string[]> {
    return this.#directory.log.lastLines();
  }

  [Symbol.dispose](): void {
    for (const file of this.#followed) file[Symbol.dispose]();
    this.#followed = [];
  }
}
