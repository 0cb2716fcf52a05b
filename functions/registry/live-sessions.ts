import type { OperatorSession } from "../../contract/operator.ts";
import type { UserId } from "../../contract/person.ts";
import {
  schemaOf,
  type SessionQuery,
  type SessionRow,
  sessionRows,
  spellTime,
  spellTimeOrNull,
} from "./session-rows.ts";
import type { LiveSession } from "./workspace-report.ts";

/** A page of them; `next` is what `after` takes for the next one. */
export type SessionPage = { sessions: OperatorSession[]; next: number | null };

/** The sessions that have not ended, of everybody, as the workspaces told last. */
export class LiveSessions {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(schemaOf("live_sessions"));
  }

  /** Takes all of a user's, the newest first: those that are missing have ended. Only what differs is written. */
  take(user: UserId, sessions: readonly LiveSession[]): void {
    const before = new Map(
      this.#sql
        .exec<{ id: string; session: string }>("SELECT id, session FROM live_sessions WHERE user = ?", user)
        .toArray()
        .map(({ id, session }) => [id, session]),
    );
    for (const session of sessions.toReversed()) {
      const text = JSON.stringify(session);
      if (before.get(session.id) !== text) {
        this.#sql.exec(
          `INSERT INTO live_sessions (user, id, state, session) VALUES (?, ?, ?, ?)
           ON CONFLICT (user, id) DO UPDATE SET state = excluded.state, session = excluded.session`,
          user,
          session.id,
          session.state,
          text,
        );
      }
      before.delete(session.id);
    }
    for (const id of before.keys())
      this.#sql.exec("DELETE FROM live_sessions WHERE user = ? AND id = ?", user, id);
  }

  /** Newest first, in the order in which the registry heard of them. */
  async page(query: SessionQuery): Promise<SessionPage> {
    const { rows, next } = sessionRows(this.#sql, "live_sessions", query);
    return { sessions: rows.map(operatorSession), next };
  }
}

function operatorSession(row: SessionRow): OperatorSession {
  const { createdAt, startedAt, ...session } = JSON.parse(row.session) as LiveSession;
  return {
    user: row.user,
    userName: row.name,
    ...session,
    reachable: row.online === 1,
    createdAt: spellTime(createdAt),
    startedAt: spellTimeOrNull(startedAt),
  };
}
