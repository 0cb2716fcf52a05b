import type { UserId } from "../../contract/person.ts";
import type { AuditLog } from "./audit-log.ts";
import type { EndedSessions } from "./ended-sessions.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { OpenStreams } from "./open-streams.ts";
import type { Totals } from "./totals.ts";
import type { Users } from "./users.ts";
import type { WorkspaceReceipt, WorkspaceReport } from "./workspace-report.ts";

/**
 * Reports are spread so that in one second no more than so many come, when every workspace has something to tell. A
 * workspace that has just said something lives for ten seconds more: 4,000 report within these, and are not woken for it.
 */
const REPORTS_PER_S = 400;
const LEAST_SPREAD_MS = 1000;
const MOST_SPREAD_MS = 60_000;

type IntakeOptions = {
  storage: DurableObjectStorage;
  users: Users;
  sessions: LiveSessions;
  endedSessions: EndedSessions;
  auditLog: AuditLog;
  totals: Totals;
  openStreams: OpenStreams;
};

/** Where the workspaces tell what there is. */
export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /** Takes a report; one that was taken before, or is older than one that was, changes nothing. */
  async sync(user: UserId, report: WorkspaceReport): Promise<WorkspaceReceipt> {
    const { storage, users, auditLog } = this.#options;
    storage.transactionSync(() => this.#take(user, report, Date.now()));
    const spreadMs = Math.round((users.size * 1000) / REPORTS_PER_S);
    return {
      acknowledged: auditLog.acknowledged(user),
      spreadMs: Math.min(Math.max(spreadMs, LEAST_SPREAD_MS), MOST_SPREAD_MS),
    };
  }

  /** Counts webhook calls that were not believed, by the code that they were answered with. */
  async refused(counts: Readonly<Record<string, number>>): Promise<void> {
    const { storage, totals } = this.#options;
    storage.transactionSync(() => {
      for (const [code, count] of Object.entries(counts)) totals.add(`webhook_refusals ${code}`, count);
    });
  }

  #take(user: UserId, { version, snapshot, audit, ended, waitedMs }: WorkspaceReport, now: number): void {
    const { users, sessions, endedSessions, auditLog, totals } = this.#options;
    for (const { action } of auditLog.take(user, audit, now)) totals.add(`actions ${action}`, 1);
    endedSessions.take(user, ended);
    if (version <= users.versionOf(user)) return;
    users.take(user, version, snapshot, now);
    sessions.take(user, snapshot.sessions);
    totals.take(user, snapshot.counters);
    this.#options.openStreams.take(user, snapshot.counters.open);
    totals.add("reports", 1);
    totals.add("reports_waited_ms", waitedMs);
  }
}
