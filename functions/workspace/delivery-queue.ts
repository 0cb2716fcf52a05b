import type { EventType } from "../../contract/webhook.ts";
import { Table } from "./table.ts";

/** A message that waits to be sent, or that could not be delivered. Times in milliseconds since 1970. */
export type OutgoingRow = {
  id: string;
  session: string;
  type: EventType;
  body: string;
  /** Attempts that were begun. */
  attempts: number;
  due: number;
  error: string | null;
  at: number;
};

/** A message that nobody took. */
export type DeadLetter = Pick<OutgoingRow, "id" | "session" | "type" | "attempts" | "at"> & {
  error: string;
  died: number;
};

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, session TEXT NOT NULL, type TEXT NOT NULL,
    body TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL, error TEXT, at INTEGER NOT NULL,
    died INTEGER
  );
  CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (session, seq) WHERE died IS NULL;
  CREATE TABLE IF NOT EXISTS deliveries_aside (seq INTEGER PRIMARY KEY);
`;

const COLUMNS = "id, session, type, body, attempts, due, error, at";

const ASIDE = "(SELECT seq FROM deliveries_aside)";

/** Whose turn it is: the first that waits of each session, for which those behind it wait; and what has stepped aside. */
const NEXT = `died IS NULL AND (seq IN ${ASIDE} OR seq = (
  SELECT MIN(seq) FROM deliveries AS other
  WHERE other.session = deliveries.session AND other.died IS NULL AND other.seq NOT IN ${ASIDE}))`;

/** Messages that wait at once; what comes on top is dead from the start, for the operator to see. */
const MOST_WAITING = 1000;
/** Dead letters beyond these, the oldest, are forgotten. */
const KEPT_DEAD = 200;

/** The messages of a workspace that are not delivered yet, in SQLite: each session's in order. */
export class DeliveryQueue {
  readonly #table: Table;

  constructor(sql: SqlStorage) {
    this.#table = new Table(sql, SCHEMA);
  }

  /** Puts a message at the end of its session's. Returns false when there is no room: then it is dead already. */
  add(message: Pick<OutgoingRow, "id" | "session" | "type" | "body" | "at">): boolean {
    const { id, session, type, body, at } = message;
    const hasRoom = this.#count("died IS NULL") < MOST_WAITING;
    this.#table.insert(
      "INSERT INTO deliveries (id, session, type, body, due, at, died, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      id,
      session,
      type,
      body,
      at,
      at,
      hasRoom ? null : at,
      hasRoom ? null : "too many messages wait for the receiver",
    );
    if (!hasRoom) this.#forgetOldest();
    return hasRoom;
  }

  /** The last message of a session's that waits. */
  last(session: string): Pick<OutgoingRow, "id" | "type"> | undefined {
    return this.#table.exec<Pick<OutgoingRow, "id" | "type">>(
      "SELECT id, type FROM deliveries WHERE died IS NULL AND session = ? ORDER BY seq DESC LIMIT 1",
      session,
    )[0];
  }

  /**
   * Puts a newer message in the place of one: it waits as long as that would have. What has stepped aside would wait for
   * hours, though the receiver takes others: the newer one's turn is now.
   */
  replace(id: string, message: Pick<OutgoingRow, "id" | "body" | "at">): void {
    if (this.#callBack(id))
      this.#table.exec(
        "UPDATE deliveries SET attempts = 0, error = NULL, due = ? WHERE id = ?",
        message.at,
        id,
      );
    this.#table.exec(
      "UPDATE deliveries SET id = ?, body = ?, at = ? WHERE id = ?",
      message.id,
      message.body,
      message.at,
      id,
    );
  }

  /** When the next one is due; null: none waits. */
  due(): number | null {
    const [row] = this.#table.exec<{ due: number | null }>(
      `SELECT MIN(due) AS due FROM deliveries WHERE ${NEXT}`,
    );
    return row?.due ?? null;
  }

  /** What is due, the longest waiting first. */
  ready(now: number, count: number): OutgoingRow[] {
    return this.#table.exec<OutgoingRow>(
      `SELECT ${COLUMNS} FROM deliveries WHERE ${NEXT} AND due <= ? ORDER BY due, seq LIMIT ?`,
      now,
      count,
    );
  }

  /** Notes that an attempt begins, and when the next may if nothing is heard of this one. */
  begin(id: string, until: number): void {
    this.#table.exec("UPDATE deliveries SET attempts = attempts + 1, due = ? WHERE id = ?", until, id);
  }

  /** As `begin`, for an attempt that is not the message's turn and does not count. */
  lease(id: string, until: number): void {
    this.#table.exec("UPDATE deliveries SET due = ? WHERE id = ?", until, id);
  }

  /** The first that waits for this one; undefined: none does. */
  behind(id: string): OutgoingRow | undefined {
    return this.#table.exec<OutgoingRow>(
      `SELECT behind.*
         FROM deliveries AS first JOIN deliveries AS behind ON behind.session = first.session AND behind.seq > first.seq
         WHERE first.id = ? AND first.died IS NULL AND first.seq NOT IN ${ASIDE}
           AND behind.died IS NULL AND behind.seq NOT IN ${ASIDE}
         ORDER BY behind.seq LIMIT 1`,
      id,
    )[0];
  }

  /** Nothing waits for this one any more; its own next attempt is at `due`. */
  stepAside(id: string, due: number): void {
    this.#table.exec("UPDATE deliveries SET due = ? WHERE id = ?", due, id);
    this.#table.insert(
      "INSERT OR IGNORE INTO deliveries_aside SELECT seq FROM deliveries WHERE id = ? AND died IS NULL",
      id,
    );
  }

  delay(id: string, due: number, error: string): void {
    this.#table.exec("UPDATE deliveries SET due = ?, error = ? WHERE id = ?", due, error, id);
  }

  remove(id: string): void {
    this.#callBack(id);
    this.#table.exec("DELETE FROM deliveries WHERE id = ?", id);
  }

  bury(id: string, error: string, now: number): void {
    this.#callBack(id);
    this.#table.exec("UPDATE deliveries SET died = ?, error = ? WHERE id = ?", now, error, id);
    this.#forgetOldest();
  }

  /** The last that died first. */
  dead(): DeadLetter[] {
    return this.#table.exec<DeadLetter>(
      "SELECT id, session, type, attempts, error, at, died FROM deliveries WHERE died IS NOT NULL ORDER BY died DESC, seq DESC",
    );
  }

  deadCount(): number {
    return this.#count("died IS NOT NULL");
  }

  /** Lets a dead letter wait again, as if it were new. False: there is none such. */
  revive(id: string, now: number): boolean {
    return (
      this.#table.exec(
        "UPDATE deliveries SET died = NULL, error = NULL, attempts = 0, due = ? WHERE id = ? AND died IS NOT NULL RETURNING id",
        now,
        id,
      ).length > 0
    );
  }

  /** Forgets a dead letter. False: there is none such. */
  discard(id: string): boolean {
    return (
      this.#table.exec("DELETE FROM deliveries WHERE id = ? AND died IS NOT NULL RETURNING id", id).length > 0
    );
  }

  /** False: it has not stepped aside. */
  #callBack(id: string): boolean {
    return (
      this.#table.exec(
        "DELETE FROM deliveries_aside WHERE seq = (SELECT seq FROM deliveries WHERE id = ?) RETURNING seq",
        id,
      ).length > 0
    );
  }

  #count(where: "died IS NULL" | "died IS NOT NULL"): number {
    const [row] = this.#table.exec<{ count: number }>(
      `SELECT COUNT(*) AS count FROM deliveries WHERE ${where}`,
    );
    return row?.count ?? 0;
  }

  #forgetOldest(): void {
    this.#table.exec(
      "DELETE FROM deliveries WHERE died IS NOT NULL AND seq NOT IN (SELECT seq FROM deliveries WHERE died IS NOT NULL ORDER BY died DESC, seq DESC LIMIT ?)",
      KEPT_DEAD,
    );
  }
}
