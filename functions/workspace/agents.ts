import type { EnrolledAgent } from "../../contract/enrolment.ts";
import { LOCAL_USER, type UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import { makeCredential } from "../auth/credential.ts";
import { randomToken, sha256 } from "../auth/token.ts";
import { LOCAL_TOKEN, type VisitingAgent } from "../auth/visitor.ts";
import type { Caller, Result } from "./api.ts";
import type { Audit } from "./audit.ts";
import type { Chore } from "./alarm.ts";
import { failure } from "./failure.ts";
import type { LinkedAgent } from "./link.ts";
import { Table } from "./table.ts";
import type { Lock } from "./lock.ts";

type Row = EnrolledAgent & {
  hash: string;
  /** The hash of a token that was sent, and of which it is not known yet whether the agent has kept it. */
  next: string | null;
  /** The hash of the token before, for requests that were on their way; and until when they may be. */
  before: string | null;
  beforeUntil: number;
};

type Stored = Omit<Row, "from" | "user"> & { address: string | null; osUser: string };

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS agents (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, next TEXT, before TEXT, beforeUntil INTEGER NOT NULL, host TEXT NOT NULL,
    osUser TEXT NOT NULL, version TEXT NOT NULL, fingerprint TEXT NOT NULL, address TEXT, created INTEGER NOT NULL,
    seen INTEGER, rotated INTEGER NOT NULL
  );
`;

/** So old a token is replaced, as soon as its agent is connected. Milliseconds. */
export const ROTATE_MS = 7 * 86_400_000;
/** Requests beside the link that were sent before the new token was kept may still arrive. Milliseconds. */
const GRACE_MS = 60_000;

/** Where an agent runs, and what it is. */
type AgentName = Pick<EnrolledAgent, "host" | "user" | "version">;

/** Who asks to be enrolled, as the person who approves has seen it. */
export type Enrollee = Pick<EnrolledAgent, "host" | "user" | "version" | "fingerprint" | "from">;

export type AgentsOptions = {
  secrets: () => string;
  audit: Audit;
  lock: Lock;
  /** Closes the link of an agent that may not have it any more, and ends what it relays. */
  close: (agent: string, why: BerthError) => void;
  /** Which agent has the link. */
  linked: () => LinkedAgent | undefined;
  /** Sends a new token to the agent that has the link. */
  send: (token: string) => void;
  /** Tells the owner, behind the bell. */
  warn: (text: string) => void;
  /** The time of what is due may have changed. */
  onChange: () => void;
};

/** What an agent is told by its own road once it is revoked. */
const agentRevoked = (): BerthError =>
  new BerthError("agent_revoked", "this agent was revoked, or another has replaced it");

/**
 * The enrolled agents of a workspace, each token as a SHA-256 of it. Functions call it by `partOf(env, user, "agents")`.
 *
 * A token is replaced in three steps, and a crash of either side between any two leaves the agent with one that counts:
 * the link brings the new one, and both count; the agent writes it down, and shows it or says so; only the new one counts.
 */
export class Agents implements Chore {
  readonly #table: Table;
  readonly #options: AgentsOptions;
  readonly #rows = new Map<string, Row>();

  constructor(sql: SqlStorage, options: AgentsOptions) {
    this.#table = new Table(sql, SCHEMA);
    this.#options = options;
    for (const { address, osUser, ...row } of this.#table.exec<Stored>(
      "SELECT * FROM agents ORDER BY created",
    ))
      this.#rows.set(row.id, { ...row, from: address, user: osUser });
  }

  /** The enrolled ones, the newest first. There is one at most, which an operator's tools need not rely on. */
  async list(): Promise<EnrolledAgent[]> {
    return [...this.#rows.values()].toReversed().map(shown);
  }

  /**
   * The agent that there is, connected or to be started: by its enrolment until it has said hello, and none once it was
   * revoked. The local instance's was never enrolled.
   * @param last which one said hello last
   */
  known(last: AgentName | null, owner: string | undefined): AgentName | null {
    const enrolled = [...this.#rows.values()].at(-1);
    if (enrolled === undefined) return owner === LOCAL_USER ? last : null;
    const { host, user, version } = enrolled;
    return enrolled.seen === null ? { host, user, version } : last;
  }

  /**
   * Enrols an agent, whose token is the answer. A workspace has one: another is replaced only where the person who approved
   * has seen which one that is.
   * @param options.replaces the id of the agent that goes
   */
  async enroll(
    user: UserId,
    enrollee: Enrollee,
    options: { replaces: string | null; caller: Caller },
  ): Promise<Result<{ id: string; token: string }>> {
    const id = randomToken().slice(0, 22);
    const token = await makeCredential(this.#options.secrets(), { kind: "agent", user, id });
    const hash = await sha256(token);
    try {
      this.#options.lock.check();
    } catch (error) {
      return failure(error);
    }
    const others = [...this.#rows.keys()];
    if (others.some((other) => other !== options.replaces))
      return failure(new BerthError("agent_enrolled", "this workspace has another agent by now"));
    for (const other of others) this.#remove(other, options.caller, `replaced by ${enrollee.host}`);
    const now = Date.now();
    this.#add({
      ...enrollee,
      id,
      hash,
      next: null,
      before: null,
      beforeUntil: 0,
      created: now,
      seen: null,
      rotated: now,
    });
    const detail = `${enrollee.user}@${enrollee.host} ${enrollee.fingerprint}`;
    this.#options.audit.note("agent.enroll", options.caller, { detail, at: now });
    return { ok: true, value: { id, token } };
  }

  /** Ends an agent's rights, and its link. False when there is none of that id. */
  async revoke(id: string, caller: Caller): Promise<boolean> {
    return this.#remove(id, caller, "");
  }

  /**
   * Says whether an agent's token still counts.
   * @param road what it asks for: the link, at which an agent shows the token that it has written down; or a stream
   * @throws BerthError `agent_revoked`
   */
  async check({ user, token: id, secret }: VisitingAgent, road: "link" | "stream"): Promise<void> {
    const hash = await this.#hashOf(secret);
    const row = this.#rows.get(id);
    if (row === undefined) throw agentRevoked();
    // All of them are hashes: how long the comparison takes tells nothing of the tokens.
    if (hash === row.hash) return;
    if (hash === row.next) {
      this.#confirm(row);
      return;
    }
    if (road === "stream" && hash === row.before && Date.now() < row.beforeUntil) return;
    // Signed by us for this agent, and given up by it: somebody else has kept it.
    const by: Caller = { user, name: `agent on ${row.host}`, from: null, via: "agent" };
    this.#remove(id, by, "an old token of its was shown: somebody has copied it");
    this.#options.warn(
      `The agent on ${row.host} was revoked: an old token of its was shown, so somebody has copied it. Look at that machine, then enrol it again: berth join`,
    );
    throw agentRevoked();
  }

  /** An agent has said hello, and has the link. One whose new token it has not shown gets another. */
  async welcome(agent: LinkedAgent, version: string, now: number): Promise<void> {
    const row = this.#rows.get(agent.token);
    if (row === undefined) return;
    this.#save({ ...row, version, seen: now });
    if (row.next !== null || now - row.rotated >= ROTATE_MS) await this.#renew(agent);
    this.#options.onChange();
  }

  /** When the agent that has the link is to get a new token. */
  due(): number | null {
    const row = this.#rows.get(this.#options.linked()?.token ?? "");
    return row === undefined || row.next !== null ? null : row.rotated + ROTATE_MS;
  }

  async run(now: number): Promise<void> {
    const agent = this.#options.linked();
    if (agent !== undefined && (this.due() ?? Infinity) <= now) await this.#renew(agent);
  }

  /** An agent has written its new token down. */
  kept(id: string): void {
    const row = this.#rows.get(id);
    if (row !== undefined) this.#confirm(row);
  }

  async #renew({ user, token: id }: LinkedAgent): Promise<void> {
    const before = this.#rows.get(id)?.next;
    const token = await makeCredential(this.#options.secrets(), { kind: "agent", user, id });
    const next = await sha256(token);
    const row = this.#rows.get(id);
    // Of two that are sent at once, the agent's word on the first would be taken for the second's.
    if (row === undefined || row.next !== before || this.#options.linked()?.token !== id) return;
    this.#save({ ...row, next });
    this.#options.send(token);
  }

  #confirm(row: Row): void {
    if (row.next === null) return;
    const now = Date.now();
    this.#save({
      ...row,
      hash: row.next,
      next: null,
      before: row.hash,
      beforeUntil: now + GRACE_MS,
      rotated: now,
    });
    this.#options.onChange();
  }

  #remove(id: string, caller: Caller, why: string): boolean {
    const row = this.#rows.get(id);
    if (row === undefined) return false;
    this.#rows.delete(id);
    this.#table.exec("DELETE FROM agents WHERE id = ?", id);
    const detail = [`${row.user}@${row.host}`, why].filter((part) => part !== "").join(": ");
    this.#options.audit.note("agent.revoke", caller, { detail, at: Date.now() });
    this.#options.close(id, agentRevoked());
    return true;
  }

  #add(row: Row): void {
    this.#rows.set(row.id, row);
    this.#table.insert(
      `INSERT INTO agents (id, hash, next, before, beforeUntil, host, osUser, version, fingerprint, address, created, seen, rotated)
       VALUES (?, ?, NULL, NULL, 0, ?, ?, ?, ?, ?, ?, NULL, ?)`,
      row.id,
      row.hash,
      row.host,
      row.user,
      row.version,
      row.fingerprint,
      row.from,
      row.created,
      row.rotated,
    );
  }

  #save(row: Row): void {
    this.#rows.set(row.id, row);
    this.#table.exec(
      "UPDATE agents SET hash = ?, next = ?, before = ?, beforeUntil = ?, version = ?, seen = ?, rotated = ? WHERE id = ?",
      row.hash,
      row.next,
      row.before,
      row.beforeUntil,
      row.version,
      row.seen,
      row.rotated,
      row.id,
    );
  }

  /** The hash found last: every segment of a large answer comes with the same token. */
  #hashed = { secret: "", hash: "" };

  async #hashOf(secret: string): Promise<string> {
    if (this.#hashed.secret !== secret) this.#hashed = { secret, hash: await sha256(secret) };
    return this.#hashed.hash;
  }
}

const shown = ({
  id,
  host,
  user,
  version,
  fingerprint,
  from,
  created,
  seen,
  rotated,
}: Row): EnrolledAgent => ({
  id,
  host,
  user,
  version,
  fingerprint,
  from,
  created,
  seen,
  rotated,
});

/** True for an agent that was enrolled; the local instance's own has its token from the environment. */
export const isEnrolled = (agent: Pick<VisitingAgent, "token">): boolean => agent.token !== LOCAL_TOKEN;
