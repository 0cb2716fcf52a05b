import type { SessionId } from "../../contract/ids.ts";
import { isEnded, type Notification, type SessionReport, type SessionSpec } from "../../contract/session.ts";
import type { Feed } from "./feed.ts";
import { withoutSecrets } from "./plan.ts";
import type { Store, StoredSession } from "./store.ts";

/** What the agent says of sessions: taken into the store, and told to whoever follows. */
export class Reports {
  readonly #store: Store;
  readonly #feed: Feed;
  readonly #onChange: (stored: StoredSession, before: SessionReport | null) => void;

  /** @param onChange told of what has changed, with the report until then */
  constructor(
    store: Store,
    feed: Feed,
    onChange: (stored: StoredSession, before: SessionReport | null) => void,
  ) {
    this.#store = store;
    this.#feed = feed;
    this.#onChange = onChange;
  }

  /** Every session that the agent knows, as its hello brings them. */
  takeAll(known: readonly { spec: SessionSpec; report: SessionReport }[]): void {
    for (const { spec, report } of known) {
      // A session that only the agent knows was launched before this object's storage began.
      if (this.#store.session(spec.id) === undefined) {
        this.#store.add(
          { spec: withoutSecrets(spec, this.#store.catalogue), want: "run", report },
          { key: null, request: null },
        );
      }
      this.take(report);
    }
    this.#endForgotten(new Set(known.map(({ spec }) => spec.id)));
  }

  /** One session's report: it replaces the one before, unless that was the end. */
  take(report: SessionReport): void {
    const stored = this.#store.session(report.id);
    const before = stored?.report ?? null;
    // An ended session stays what it is.
    if (stored === undefined || (before !== null && isEnded(before.state))) return;
    if (JSON.stringify(before) === JSON.stringify(report)) return;
    const spec = withoutSecrets(stored.spec, this.#store.catalogue);
    this.#store.setReport(report, spec);
    const changed = { ...stored, spec, report };
    this.#feed.session(changed);
    this.#onChange(changed, before);
    if (before?.state === report.state) return;
    if (report.state === "failed")
      this.notify(report.id, "error", `${spec.name} failed: ${report.error.split("\n", 1)[0]}`);
    if (report.state === "running") this.notify(report.id, "info", `${spec.name} is running`);
  }

  /** A line for the bell. */
  notify(session: SessionId, level: Notification["level"], text: string): void {
    const notification = this.#store.notify(session, level, text, Date.now());
    this.#feed.notification(notification);
  }

  /** What the agent once had and no longer knows is gone with the workspace's files: it must not be started anew. */
  #endForgotten(known: ReadonlySet<string>): void {
    for (const { spec, report } of this.#store.sessions()) {
      if (report === null || isEnded(report.state) || known.has(spec.id)) continue;
      const error =
        "the workspace no longer knows this session: its files were deleted, or another workspace took the link";
      this.take({ ...report, state: "failed", status: "Failed", error, endedAt: Date.now() });
    }
  }
}
