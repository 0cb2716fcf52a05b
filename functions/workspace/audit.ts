import type { Caller } from "./api.ts";
import { Table } from "./table.ts";

/** What is worth knowing afterwards. A closed list: what an operator searches for. */
export const AUDIT_ACTIONS = [
  "login",
  "login.end",
  "login.copied",
  "login.refused",
  "token.create",
  "token.revoke",
  "user.lock-out",
  "user.let-in",
  "agent.enroll",
  "agent.revoke",
  "agent.online",
  "agent.offline",
  "session.launch",
  "session.cancel",
  "session.share",
  "session.unshare",
  "share.enter",
  "webhook.call",
  "webhook.dead",
  "webhook.redeliver",
  "webhook.discard",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** One line: who did what, to which session, from where, when. `detail` never holds a secret, nor what was typed in. */
export type AuditEntry = {
  /** Counts up within one workspace. */
  seq: number;
  at: number;
  action: AuditAction;
  by: Caller;
  session: string | null;
  detail: string | null;
};

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, action TEXT NOT NULL, by TEXT NOT NULL, session TEXT,
    detail TEXT
  );
`;

/** An entry waits here until the registry has it; then the newest stay, for their owner to see. */
const KEPT = 1000;
const DETAIL_LENGTH = 500;

type Row = Omit<AuditEntry, "by"> & { by: string };

/** What was done in a workspace. The registry gathers it for the operator (registry/registry.ts). */
export class Audit {
  readonly #table: Table;
  /** Called for each new entry. */
  onEntry: () => void = () => undefined;

  constructor(sql: SqlStorage) {
    this.#table = new Table(sql, SCHEMA);
  }

  note(
    action: AuditAction,
    by: Caller,
    options: { session?: string | undefined; detail?: string | undefined; at: number },
  ): void {
    this.#table.insert(
      "INSERT INTO audit (at, action, by, session, detail) VALUES (?, ?, ?, ?, ?)",
      options.at,
      action,
      JSON.stringify(by),
      options.session ?? null,
      options.detail?.slice(0, DETAIL_LENGTH) ?? null,
    );
    this.onEntry();
  }

  /** Those after `seq`, oldest first, at most `count`. */
  after(seq: number, count: number): AuditEntry[] {
    return this.#table
      .exec<Row>(
        "SELECT seq, at, action, by, session, detail FROM audit WHERE seq > ? ORDER BY seq LIMIT ?",
        seq,
        count,
      )
      .map((row) => ({ ...row, by: JSON.parse(row.by) as Caller }));
  }

  /** Forgets the oldest of those up to `seq`, which the registry has. */
  prune(seq: number): void {
    // They are counted from 1: most workspaces never have so many.
    if (seq <= KEPT) return;
    this.#table.exec(
      "DELETE FROM audit WHERE seq <= ? AND seq <= (SELECT MAX(seq) FROM audit) - ?",
      seq,
      KEPT,
    );
  }
}
