import type { FSWatcher } from "node:fs";
import { watch } from "node:fs";

/** The safety net, milliseconds: NFS tells nobody of another host's writes, and inotify watches can run out. */
const POLL_MS = 500;
/** One edit is several events, such as truncate and write; they are looked at together. Milliseconds. */
const SETTLE_MS = 20;

/**
 * Says when a file may have changed, whichever way it is written: in place, by rename, deleted, or through a link.
 * The directory is watched, since a watch on the file would stay with the old one when it is replaced. `touched` is
 * called within milliseconds of an event and at every poll: it must be cheap when nothing is new.
 */
export class FileWatch implements Disposable {
  readonly #poll: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;
  #settle: NodeJS.Timeout | undefined;

  constructor(directory: string, name: string, touched: () => void) {
    this.#poll = setInterval(touched, POLL_MS);
    try {
      this.#watcher = watch(directory, (_event, file) => {
        if (file !== null && file !== name) return;
        this.#settle ??= setTimeout(() => {
          this.#settle = undefined;
          touched();
        }, SETTLE_MS);
      });
      this.#watcher.on("error", () => this.#watcher?.close());
    } catch {
      // ENOSPC on hosts where many users share few inotify watches: the poll remains.
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    this.#watcher?.close();
  }
}
