import type { EndedSession as Shown } from "../../contract/operator.ts";
import type { UserId } from "../../contract/person.ts";
import {
  schemaOf,
  type SessionQuery,
  type SessionRow,
  sessionRows,
  spellTime,
  spellTimeOrNull,
} from "./session-rows.ts";
import type { EndedSession } from "./workspace-report.ts";

/** The last so many are kept; of one user no more than so many, who could push everybody else's out. */
const KEPT = 2000;
const KEPT_EACH = 200;

/** A page of them; `next` is what `after` takes for the next one. */
export type EndedPage = { sessions: Shown[]; next: number | null };

/** The sessions that ended last, of everybody, as the workspaces told. */
export class EndedSessions {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(schemaOf("ended_sessions"));
  }

  /** Takes some of a user's, in the order in which they ended; what was told before stays as it was. */
  take(user: UserId, sessions: readonly EndedSession[]): void {
    if (sessions.length === 0) return;
    for (const session of sessions)
      this.#sql.exec(
        "INSERT INTO ended_sessions (user, id, state, session) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        user,
        session.id,
        session.state,
        JSON.stringify(session),
      );
    this.#sql.exec(
      `DELETE FROM ended_sessions WHERE user = ?1 AND key <=
         (SELECT key FROM ended_sessions WHERE user = ?1 ORDER BY key DESC LIMIT 1 OFFSET ?2)`,
      user,
      KEPT_EACH,
    );
    this.#sql.exec(
      "DELETE FROM ended_sessions WHERE key <= (SELECT key FROM ended_sessions ORDER BY key DESC LIMIT 1 OFFSET ?)",
      KEPT,
    );
  }

  /** The last that was heard of first. */
  async page(query: SessionQuery): Promise<EndedPage> {
    const { rows, next } = sessionRows(this.#sql, "ended_sessions", query);
    return { sessions: rows.map(shown), next };
  }
}

function shown({ user, name, session }: SessionRow): Shown {
  const { createdAt, startedAt, endedAt, ...rest } = JSON.parse(session) as EndedSession;
  return {
    user,
    userName: name,
    ...rest,
    createdAt: spellTime(createdAt),
    startedAt: spellTimeOrNull(startedAt),
    endedAt: spellTimeOrNull(endedAt),
  };
}
