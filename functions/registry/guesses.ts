import { BerthError } from "../../contract/problem.ts";
import { networkOf } from "../auth/address.ts";

/** For so long a wrong code is held against whoever typed it. Milliseconds. */
const KEPT_MS = 600_000;
/** Wrong codes within that time, by a user, and from an address: by these nobody finds one of 20^8 (RFC 8628, section 5.1). */
const MOST = { user: 10, address: 50 } as const;

/** Who types codes, by what is counted against. */
export type Typist = { user: string; from: string | null };

/** The wrong codes that were typed lately. */
export class Guesses {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(
      "CREATE TABLE IF NOT EXISTS enrolment_guesses (kind TEXT NOT NULL, who TEXT NOT NULL, at INTEGER NOT NULL)",
    );
  }

  /** @throws BerthError `too_many_requests` when that looks like guessing */
  check(typist: Typist): void {
    for (const { kind, who } of namesOf(typist)) {
      const { wrong } = this.#sql
        .exec<{ wrong: number }>(
          "SELECT count(*) AS wrong FROM enrolment_guesses WHERE kind = ? AND who = ?",
          kind,
          who,
        )
        .one();
      if (wrong >= MOST[kind])
        throw new BerthError("too_many_requests", "too many wrong codes were typed", {
          retryAfter: KEPT_MS / 1000,
        });
    }
  }

  /** Another one was wrong. */
  add(typist: Typist, now: number): void {
    for (const { kind, who } of namesOf(typist))
      this.#sql.exec("INSERT INTO enrolment_guesses (kind, who, at) VALUES (?, ?, ?)", kind, who, now);
  }

  forget(now: number): void {
    this.#sql.exec("DELETE FROM enrolment_guesses WHERE at <= ?", now - KEPT_MS);
  }

  /** When the first of them counts no more. */
  due(): number | null {
    const { first } = this.#sql
      .exec<{ first: number | null }>("SELECT min(at) AS first FROM enrolment_guesses")
      .one();
    return first === null ? null : first + KEPT_MS;
  }
}

function namesOf({ user, from }: Typist): { kind: keyof typeof MOST; who: string }[] {
  return [
    { kind: "user", who: user },
    ...(from === null ? [] : [{ kind: "address" as const, who: networkOf(from) }]),
  ];
}
