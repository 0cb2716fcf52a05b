import type { SessionId } from "../../contract/ids.ts";
import type { UserId } from "../../contract/person.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS share_owners (session TEXT PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS share_owners_until ON share_owners (until);
  CREATE TABLE IF NOT EXISTS share_offers (
    key TEXT NOT NULL, owner TEXT NOT NULL, until INTEGER NOT NULL, made INTEGER NOT NULL, PRIMARY KEY (key, owner)
  );
  CREATE INDEX IF NOT EXISTS share_offers_until ON share_offers (until);
`;

/** That a session was shared is remembered for so long after its last share could end. Milliseconds. */
const KEPT_MS = 90 * 86_400_000;
/** So many owners at most are named to somebody: those who shared last. */
const OWNERS = 50;

/**
 * In whose workspace a shared session is: the guest's link names the session alone. Asked once when a guest enters. And
 * who shares anything with somebody, for whoever looks what is shared with them: it may be over, the owners know.
 * A session belongs to whom first shared it: an agent may make up sessions, and one with the id of somebody else's would
 * bring another user's application under the address that this one's guests know.
 */
export class ShareOwners {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  /**
   * Notes who shares a session, at the longest until then. False when it is somebody else's.
   * @param share.until milliseconds since 1970
   * @param share.key with whom; see `shareKey`
   */
  async claim(
    session: SessionId,
    owner: UserId,
    { until, key }: { until: number; key: string },
  ): Promise<boolean> {
    const now = Date.now();
    this.#sql.exec("DELETE FROM share_owners WHERE until < ?", now - KEPT_MS);
    this.#sql.exec("DELETE FROM share_offers WHERE until <= ?", now);
    this.#sql.exec(
      `INSERT INTO share_owners (session, owner, until) VALUES (?1, ?2, ?3)
       ON CONFLICT DO UPDATE SET until = MAX(until, excluded.until) WHERE owner = excluded.owner`,
      session,
      owner,
      until,
    );
    if (this.#row(session)?.owner !== owner) return false;
    this.#sql.exec(
      `INSERT INTO share_offers (key, owner, until, made) VALUES (?1, ?2, ?3, ?4)
       ON CONFLICT DO UPDATE SET until = MAX(until, excluded.until), made = excluded.made`,
      key,
      owner,
      until,
      now,
    );
    return true;
  }

  /** Who may share something with somebody who is meant by one of these keys, the last first. */
  async ownersFor(keys: readonly string[]): Promise<UserId[]> {
    return this.#sql
      .exec<{ owner: UserId }>(
        `SELECT owner FROM share_offers WHERE key IN (SELECT value FROM json_each(?)) AND until > ?
         GROUP BY owner ORDER BY MAX(made) DESC LIMIT ?`,
        JSON.stringify(keys),
        Date.now(),
        OWNERS,
      )
      .toArray()
      .map(({ owner }) => owner);
  }

  /** Null when no share of the session can live any more, or none ever did. */
  async ownerOf(session: SessionId): Promise<UserId | null> {
    const row = this.#row(session);
    return row === undefined || row.until <= Date.now() ? null : row.owner;
  }

  #row(session: SessionId): { owner: UserId; until: number } | undefined {
    return this.#sql
      .exec<{ owner: UserId; until: number }>(
        "SELECT owner, until FROM share_owners WHERE session = ?",
        session,
      )
      .toArray()[0];
  }
}
