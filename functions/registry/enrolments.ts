import {
  CODE_LETTERS,
  type EnrolmentPoll,
  EnrolmentRequest,
  type EnrolmentState,
  pollText,
} from "../../contract/enrolment.ts";
import { z } from "zod";
import { UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { sshFingerprint } from "../auth/ssh-fingerprint.ts";
import { sha256 } from "../auth/token.ts";
import type { Caller, Result } from "../workspace/api.ts";
import type { Chore } from "../workspace/alarm.ts";
import { failure } from "../workspace/failure.ts";
import { Guesses, type Typist } from "./guesses.ts";

/** What a person is shown of who wants to join. Times in milliseconds since 1970. */
export type Asking = Omit<EnrolmentRequest, "key"> & {
  userCode: string;
  fingerprint: string;
  from: string | null;
  since: number;
  expires: number;
  /** It has been decided already; the agent comes for the answer. */
  decided: boolean;
};

/** A person's word: into whose workspace the agent comes, and in whose place. */
export type Grant = { user: UserId; replaces: string | null; caller: Caller };

/** Where the enrolment stands; once it is approved, who is to be enrolled. */
export type Polled =
  | Exclude<EnrolmentState, { status: "approved" }>
  | { status: "approved"; grant: Grant; asking: Asking };

const Decision = z.discriminatedUnion("is", [
  z.object({ is: z.literal("denied") }),
  z.object({
    is: z.literal("approved"),
    grant: z.object({ user: UserId, replaces: z.string().nullable(), caller: z.custom<Caller>() }),
  }),
]);
type Decision = z.infer<typeof Decision>;

type Row = {
  device: string;
  code: string;
  request: string;
  fingerprint: string;
  address: string | null;
  created: number;
  expires: number;
  polled: number;
  pause: number;
  turn: number;
  decision: string | null;
};

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS enrolments (
    device TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, request TEXT NOT NULL, fingerprint TEXT NOT NULL, address TEXT,
    created INTEGER NOT NULL, expires INTEGER NOT NULL, polled INTEGER NOT NULL, pause INTEGER NOT NULL,
    turn INTEGER NOT NULL, decision TEXT
  );
`;

export const LIFETIME_MS = 600_000;
/** The pause between two polls, and by how much it grows with each that comes too soon (RFC 8628, section 3.5). Seconds. */
export const INTERVAL_S = 2;
const SLOWER_S = 5;
const SLOWEST_S = 60;
/** A poll is not too soon for the little that networks vary. Milliseconds. */
const EARLY_MS = 500;

/** More agents than ask at once anywhere: beyond that, strangers fill the table. */
const MOST_PENDING = 10_000;

/**
 * The agents that ask to join somebody's workspace, which nobody knows yet. Neither code of theirs outlives its ten
 * minutes; of the device code, which with the agent's key gets the token, there is only a hash.
 */
export class Enrolments implements Chore {
  readonly #sql: SqlStorage;
  readonly #guesses: Guesses;
  readonly #onChange: () => void;

  /** @param onChange called when something has come that expires */
  constructor(sql: SqlStorage, onChange: () => void) {
    this.#sql = sql;
    this.#onChange = onChange;
    this.#guesses = new Guesses(sql);
    sql.exec(SCHEMA);
  }

  /**
   * Begins an enrolment.
   * @param device the hash of the code by which the agent asks from now on
   */
  async start(
    request: EnrolmentRequest,
    from: string | null,
    device: string,
  ): Promise<Result<{ userCode: string }>> {
    const key = Uint8Array.fromBase64(request.key, { alphabet: "base64url" });
    const fingerprint = await sshFingerprint(key);
    const now = Date.now();
    this.#forget(now);
    const { pending } = this.#sql
      .exec<{ pending: number }>("SELECT count(*) AS pending FROM enrolments")
      .one();
    if (pending >= MOST_PENDING)
      return failure(
        new BerthError("too_many_requests", "too many agents ask to join just now", { retryAfter: 60 }),
      );
    const userCode = this.#freeCode();
    this.#sql.exec(
      `INSERT INTO enrolments (device, code, request, fingerprint, address, created, expires, polled, pause, turn, decision)
       VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, 0, NULL)`,
      device,
      userCode,
      JSON.stringify(request),
      fingerprint,
      from,
      now,
      now + LIFETIME_MS,
      INTERVAL_S,
    );
    this.#onChange();
    return { ok: true, value: { userCode } };
  }

  /**
   * Who asks by this code. Null, and one of few tries less, when nobody does.
   * @param userCode spelled as `readUserCode` does
   */
  async find(userCode: string, typist: Typist): Promise<Result<Asking | null>> {
    const now = Date.now();
    this.#forget(now);
    try {
      this.#guesses.check(typist);
    } catch (error) {
      return failure(error);
    }
    const row = this.#withCode(userCode);
    if (row !== undefined) return { ok: true, value: asking(row) };
    this.#guesses.add(typist, now);
    this.#onChange();
    return { ok: true, value: null };
  }

  /** A person has decided; `grant` is null for a no. False when there is nothing to decide any more. */
  async decide(userCode: string, grant: Grant | null): Promise<boolean> {
    this.#forget(Date.now());
    const decision: Decision = grant === null ? { is: "denied" } : { is: "approved", grant };
    const decided = this.#sql
      .exec(
        "UPDATE enrolments SET decision = ? WHERE code = ? AND decision IS NULL RETURNING code",
        JSON.stringify(decision),
        userCode,
      )
      .toArray();
    return decided.length > 0;
  }

  /**
   * The agent asks how it stands. Approval and denial are said once.
   * @param edgeHost the host that the agent has asked, which its proof names
   */
  async poll({ deviceCode, turn, proof }: EnrolmentPoll, edgeHost: string): Promise<Result<Polled>> {
    const device = await sha256(deviceCode);
    const claimed = this.#withDevice(device);
    if (claimed === undefined) return { ok: true, value: { status: "expired" } };
    const { key } = EnrolmentRequest.parse(JSON.parse(claimed.request));
    if (!(await isSigned(pollText(edgeHost, deviceCode, turn), key, proof)))
      return failure(
        new BerthError(
          "invalid_request",
          "the proof is not of the key that asked, or was made for another edge",
          {
            field: "proof",
          },
        ),
      );
    // From here on nothing waits: between looking and taking nobody else gets a turn.
    const now = Date.now();
    this.#forget(now);
    const row = this.#withDevice(device);
    if (row === undefined) return { ok: true, value: { status: "expired" } };
    if (turn <= row.turn)
      return failure(new BerthError("invalid_request", "this poll has been used", { field: "turn" }));
    const isEarly = now - row.polled < row.pause * 1000 - EARLY_MS;
    const pause = isEarly ? Math.min(row.pause + SLOWER_S, SLOWEST_S) : row.pause;
    this.#sql.exec(
      "UPDATE enrolments SET turn = ?, polled = ?, pause = ? WHERE device = ?",
      turn,
      now,
      pause,
      device,
    );
    if (isEarly) return { ok: true, value: { status: "slow_down", interval: pause } };
    if (row.decision === null) return { ok: true, value: { status: "pending" } };
    this.#sql.exec("DELETE FROM enrolments WHERE device = ?", device);
    const decision = Decision.parse(JSON.parse(row.decision));
    if (decision.is === "denied")
      return { ok: true, value: { status: "denied", reason: "it was denied in the console" } };
    return { ok: true, value: { status: "approved", grant: decision.grant, asking: asking(row) } };
  }

  /** Deletes what has expired: each call does, so that nothing depends on when the alarm comes. */
  #forget(now: number): void {
    this.#sql.exec("DELETE FROM enrolments WHERE expires <= ?", now);
    this.#guesses.forget(now);
  }

  due(): number | null {
    const { first } = this.#sql
      .exec<{ first: number | null }>("SELECT min(expires) AS first FROM enrolments")
      .one();
    const times = [first, this.#guesses.due()].filter((time) => time !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  async run(now: number): Promise<void> {
    this.#forget(now);
  }

  #withDevice(device: string): Row | undefined {
    return this.#sql.exec<Row>("SELECT * FROM enrolments WHERE device = ?", device).toArray()[0];
  }

  #withCode(code: string): Row | undefined {
    return this.#sql.exec<Row>("SELECT * FROM enrolments WHERE code = ?", code).toArray()[0];
  }

  #freeCode(): string {
    for (;;) {
      const code = randomCode();
      if (this.#withCode(code) === undefined) return code;
    }
  }
}

/** Eight letters, each of them as likely as the others: bytes beyond the last whole round are drawn again. */
function randomCode(): string {
  const fair = 256 - (256 % CODE_LETTERS.length);
  let letters = "";
  while (letters.length < 8) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < fair) letters += CODE_LETTERS.charAt(byte % CODE_LETTERS.length);
  }
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}

function asking(row: Row): Asking {
  const { key: _key, ...said } = EnrolmentRequest.parse(JSON.parse(row.request));
  const { code, fingerprint, address, created, expires, decision } = row;
  return {
    ...said,
    userCode: code,
    fingerprint,
    from: address,
    since: created,
    expires,
    decided: decision !== null,
  };
}

/** Whether an ed25519 key has signed a text (RFC 8032). Key and signature in base64url. */
async function isSigned(text: string, key: string, signature: string): Promise<boolean> {
  const bytes = (value: string): Uint8Array<ArrayBuffer> =>
    Uint8Array.fromBase64(value, { alphabet: "base64url" });
  try {
    const verifying = await crypto.subtle.importKey("raw", bytes(key), "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", verifying, bytes(signature), new TextEncoder().encode(text));
  } catch {
    // Base64 that ends in bits of no byte, or bytes that are no point of the curve.
    return false;
  }
}
