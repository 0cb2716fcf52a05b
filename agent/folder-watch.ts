import type { FSWatcher } from "node:fs";
import { existsSync, readdirSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Milliseconds of quiet after the last event: an editor's save and a folder's copy are rows of events. */
const QUIET = 100;
/** Milliseconds after the first event: a folder that is written to without end shall not hold all others up. */
const PATIENCE = 1000;

/**
 * Watches directories and the folders right in them, also such as come later, and calls `onQuiet` after a change.
 *
 * inotify(7) watches one directory at a time, by inode, and none that is not there: of a missing one the nearest
 * ancestor is watched for the next name on the way. After every change all watches are made anew, then `onQuiet` is
 * called: what happens in between is seen by it, what happens later by the watches.
 */
export class FolderWatch implements Disposable {
  readonly #directories: readonly string[];
  readonly #onQuiet: () => Promise<void>;
  #watchers: FSWatcher[] = [];
  #timer: NodeJS.Timeout | undefined;
  #firstEvent = 0;
  #running = Promise.resolve();
  #isDisposed = false;

  constructor(directories: readonly string[], onQuiet: () => Promise<void>) {
    this.#directories = directories;
    this.#onQuiet = onQuiet;
    this.#watchAll();
    // Whoever read the folders did so before they were watched.
    this.#schedule();
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
    this.#unwatchAll();
  }

  #watchAll(): void {
    for (const directory of this.#directories) {
      if (existsSync(directory)) {
        this.#watch(directory);
        for (const folder of foldersIn(directory)) this.#watch(folder);
        // It may have gone before it was watched.
        if (!existsSync(directory)) this.#schedule();
        continue;
      }
      let missing = directory;
      while (!existsSync(dirname(missing))) missing = dirname(missing);
      this.#watch(dirname(missing), basename(missing));
      // It may have come before its name was watched for, or that place have gone.
      if (existsSync(missing) || !existsSync(dirname(missing))) this.#schedule();
    }
  }

  #watch(directory: string, only?: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, (_event, name) => {
        if (only === undefined || name === only) this.#schedule();
      });
      // The directory went away: its parent's watch tells so too.
      watcher.on("error", () => watcher.close());
      this.#watchers.push(watcher);
    } catch {
      // It went away meanwhile, is closed to us, or the user's inotify watches are used up: `refresh` still finds it.
    }
  }

  #unwatchAll(): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  #schedule(): void {
    if (this.#isDisposed) return;
    const now = performance.now();
    if (this.#timer === undefined) this.#firstEvent = now;
    else if (now - this.#firstEvent > PATIENCE) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#unwatchAll();
      this.#watchAll();
      this.#running = this.#running.then(() => (this.#isDisposed ? undefined : this.#onQuiet()));
    }, QUIET).unref();
  }
}

function foldersIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => !entry.isFile() && !entry.name.startsWith("."))
      .map((entry) => join(directory, entry.name));
  } catch {
    return [];
  }
}
