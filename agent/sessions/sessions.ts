import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Wanted } from "../../contract/frames.ts";
import { SessionId } from "../../contract/ids.ts";
import type { SessionReport, SessionSpec } from "../../contract/session.ts";
import { isEnded } from "../../contract/session.ts";
import type { Catalogue } from "../catalogue.ts";
import type { ServiceAddress } from "../relay/upstream.ts";
import type { SessionRecord } from "./record.ts";
import { readRecord, RECORD } from "./record.ts";
import type { Notice, SessionContext } from "./session.ts";
import { Session } from "./session.ts";
import { ClusterRunner } from "./cluster/cluster-runner.ts";
import type { Resources } from "../resources/resources.ts";
import { SessionDirectory } from "./session-directory.ts";
import type { SessionLog } from "./session-log.ts";
import { WorkspaceRunner } from "./workspace-runner.ts";

/** Ended sessions are kept for their logs, so many and so long; milliseconds. */
const KEPT = 200;
const KEPT_MS = 30 * 24 * 60 * 60 * 1000;

export type SessionsOptions = {
  /** `BERTH_HOME` */
  home: string;
  catalogue: Pick<Catalogue, "get">;
  /** Ports that no session may be on: Berth's own. */
  refusedPorts: Iterable<number>;
  resources: Resources;
  /** The path of a Node ≥ 24, for services that are written in it. */
  nodePath: string;
  log: Pick<Logger, "info" | "warn" | "error">;
  /** How large a session's log may become, bytes. */
  logLimit?: number | undefined;
  /** Milliseconds since 1970. */
  clock?: () => number;
};

/** Where the relay reaches a session's service. */
export type SessionTarget = Pick<SessionReport, "stripPrefix"> & ServiceAddress & { tls: boolean };

/**
 * The sessions of this workspace: what the edge wants of them, made to be. Its memory is `BERTH_HOME/sessions`, a
 * directory for each; what it forgets with its process it finds there again.
 */
export class Sessions implements AsyncDisposable {
  readonly #root: string;
  readonly #clock: () => number;
  readonly #log: SessionsOptions["log"];
  readonly #logLimit: number | undefined;
  readonly #context: SessionContext;
  readonly #sessions = new Map<SessionId, Session>();
  readonly #onReport = new Set<(report: SessionReport) => void>();
  readonly #onNotify = new Set<(notice: Notice) => void>();
  #pruning: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor({
    home,
    catalogue,
    resources,
    refusedPorts,
    nodePath,
    log,
    logLimit,
    clock = Date.now,
  }: SessionsOptions) {
    this.#root = join(home, "sessions");
    this.#logLimit = logLimit;
    this.#clock = clock;
    this.#log = log;
    const preparation = { home, catalogue, refusedPorts: new Set(refusedPorts), nodePath, clock };
    this.#context = {
      runner: (spec, directory) =>
        spec.placement === "workspace"
          ? new WorkspaceRunner(spec, directory, preparation)
          : new ClusterRunner(spec, directory, { ...preparation, resources }),
      refusedPorts: preparation.refusedPorts,
      clock,
      log,
      onReport: (report) => {
        for (const listener of this.#onReport) listener(report);
        if (isEnded(report.state)) this.#pruning = this.#pruning.then(() => this.#prune());
      },
      onNotify: (notice) => {
        for (const listener of this.#onNotify) listener(notice);
      },
    };
  }

  /**
   * Finds the sessions of this workspace again, and goes on with each: what runs is watched, what ended meanwhile is
   * noticed, what was being started or ended is started or ended. When it returns, every report says what is.
   */
  static async open(options: SessionsOptions): Promise<Sessions> {
    const sessions = new Sessions(options);
    await mkdir(sessions.#root, { recursive: true, mode: 0o700 });
    const entries = await readdir(sessions.#root, { withFileTypes: true });
    // A link in a directory's place is nothing of ours.
    const ids = entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => SessionId.safeParse(name).data)
      .filter((id) => id !== undefined);
    await Promise.all(ids.map((id) => sessions.#load(id)));
    await sessions.#prune();
    for (const session of sessions.#sessions.values()) session.begin();
    return sessions;
  }

  /** Makes what is wanted be. Idempotent: what is under way goes on, and of what has ended the end is told again. */
  reconcile(wanted: readonly Wanted[]): void {
    if (this.#isClosed) return;
    for (const { spec, want } of wanted) {
      const known = this.#sessions.get(spec.id);
      if (known !== undefined && isEnded(known.report.state)) this.#context.onReport(known.report);
      const session = known ?? this.#add({ version: 1, spec, want, phase: "submitted" });
      if (want === "cancel") session.cancel();
      else session.begin();
    }
  }

  /** Everything that is known, ended sessions included, the oldest first. */
  all(): { spec: SessionSpec; report: SessionReport }[] {
    return [...this.#sessions.values()]
      .map(({ spec, report }) => ({ spec, report }))
      .toSorted((one, other) => one.spec.createdAt - other.spec.createdAt);
  }

  get(id: SessionId): { spec: SessionSpec; report: SessionReport } | undefined {
    const session = this.#sessions.get(id);
    return session && { spec: session.spec, report: session.report };
  }

  /** Where a session's service is; undefined unless it runs, since its port may be anybody's before and after. */
  target(id: SessionId): SessionTarget | undefined {
    const session = this.#sessions.get(id);
    const { state, port, scheme, stripPrefix } = session?.report ?? {};
    if (session === undefined || state !== "running" || port === undefined) return undefined;
    return { port, connect: session.connect, tls: scheme === "sme", stripPrefix: stripPrefix ?? true };
  }

  /** The session's log, which need not be there yet; undefined when there is no such session. */
  log(id: SessionId): SessionLog | undefined {
    return this.#sessions.get(id)?.directory.log;
  }

  /** Calls `listener` with every report that differs from the last. */
  onReport(listener: (report: SessionReport) => void): void {
    this.#onReport.add(listener);
  }

  onNotify(listener: (notice: Notice) => void): void {
    this.#onNotify.add(listener);
  }

  /** Lets go of every session; their processes go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#sessions.values()].map((session) => session[Symbol.asyncDispose]()));
    await this.#pruning;
  }

  #add(record: SessionRecord): Session {
    const { id } = record.spec;
    const directory = new SessionDirectory(this.#root, id, this.#logLimit);
    const session = new Session(record, directory, this.#context);
    this.#sessions.set(id, session);
    return session;
  }

  async #load(id: SessionId): Promise<void> {
    const directory = new SessionDirectory(this.#root, id);
    try {
      const record = await readRecord(directory.file(RECORD));
      if (record?.spec.id === id) await this.#add(record).recall();
      // The agent died before it had written anything down: nothing was started, and the edge will ask again.
      else if ((await directory.leader()) === undefined) await rm(directory.path, { recursive: true });
    } catch (error) {
      this.#log.error({ err: error, session: id }, "a session's record cannot be read");
    }
  }

  /** Deletes the ended sessions that are too many or too old. */
  async #prune(): Promise<void> {
    const endedAt = ({ report }: Session): number => report.endedAt ?? this.#clock();
    const oldest = this.#clock() - KEPT_MS;
    const superfluous = [...this.#sessions.values()]
      .filter((session) => session.isEnded)
      .toSorted((one, other) => endedAt(other) - endedAt(one))
      .filter((session, index) => index >= KEPT || endedAt(session) < oldest);
    for (const session of superfluous) {
      this.#sessions.delete(session.spec.id);
      try {
        await rm(session.directory.path, { recursive: true, force: true });
      } catch (error) {
        this.#log.warn({ err: error, session: session.spec.id }, "an old session cannot be deleted");
      }
    }
  }
}
