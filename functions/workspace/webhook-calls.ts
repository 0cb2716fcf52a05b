import { z } from "zod";
import { BerthError, Problem } from "../../contract/problem.ts";
import { Session } from "../../contract/session.ts";
import type { PlatformCall } from "../../contract/webhook.ts";
import type { Caller, Result } from "./api.ts";
import type { Audit } from "./audit.ts";
import type { Chore } from "./alarm.ts";
import { failure } from "./failure.ts";
import type { Sessions } from "./sessions.ts";
import { Table } from "./table.ts";

/** What the platform is answered. */
type CallAnswer = { status: 200 | 201 | 202; body: Session | Session[] };

type Answer = Result<CallAnswer>;

/** A believed message. The hashes are of its exact bytes: the first is kept, any is the same message. */
type IncomingCall = { id: string; hashes: readonly string[]; call: PlatformCall };

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS webhook_calls (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL
  );
`;

const Kept = z.discriminatedUnion("ok", [
  z.object({
    ok: z.literal(true),
    value: z.object({ status: z.literal([201, 202]), body: Session }),
  }),
  z.object({ ok: z.literal(false), problem: Problem }),
]);

/** An answer is repeated for so long. Milliseconds. A message is believed for minutes; the platform may sign it anew. */
const KEPT_MS = 86_400_000;

/** What mends itself, or an operator mends, is not the answer to the next try. */
const isPassing = ({ status, code }: Problem): boolean =>
  status === 429 || status >= 500 || code === "locked_out";

export type WebhookCallsOptions = {
  sql: SqlStorage;
  sessions: Sessions;
  audit: Audit;
  /** False: nobody has ever logged in to this workspace. */
  isOwned: (user: string) => boolean;
  onChange: () => void;
};

/** What the platform has asked of this workspace, each message once. Functions call it by `partOf(env, user, "webhooks")`. */
export class WebhookCalls implements Chore {
  readonly #options: WebhookCallsOptions;
  readonly #table: Table;
  /** Messages that are being answered; after an eviction the launch's own key keeps it from happening twice. */
  readonly #running = new Map<string, { hash: string; answer: Promise<Answer> }>();

  constructor(options: WebhookCallsOptions) {
    this.#options = options;
    this.#table = new Table(options.sql, SCHEMA);
  }

  /** Does what a message asks for, or repeats what it was answered. Looking changes nothing, and is done anew each time. */
  async take(incoming: IncomingCall, by: { host: string; caller: Caller }): Promise<Answer> {
    const { id, hashes, call } = incoming;
    const [hash = ""] = hashes;
    if (!this.#options.isOwned(by.caller.user)) return failure(unknownUser(call.data.user));
    if (call.type === "session.status") return this.#status(call.data.id, by.host);
    const earlier = this.#running.get(id) ?? this.#kept(id);
    if (earlier !== undefined) return hashes.includes(earlier.hash) ? earlier.answer : failure(conflict(id));
    const answer = this.#act(id, call, by);
    this.#running.set(id, { hash, answer });
    try {
      this.#keep(id, hash, await answer);
      return await answer;
    } finally {
      this.#running.delete(id);
    }
  }

  due(): number | null {
    const [row] = this.#table.exec<{ at: number | null }>("SELECT MIN(at) AS at FROM webhook_calls");
    const at = row?.at ?? null;
    return at === null ? null : at + KEPT_MS;
  }

  /** Forgets what is too old to be asked again. */
  async run(now: number): Promise<void> {
    this.#table.exec("DELETE FROM webhook_calls WHERE at <= ?", now - KEPT_MS);
  }

  async #act(
    id: string,
    call: Exclude<PlatformCall, { type: "session.status" }>,
    { host, caller }: { host: string; caller: Caller },
  ): Promise<Answer> {
    const { sessions, audit } = this.#options;
    const note = (session?: string): void =>
      audit.note("webhook.call", caller, { session, detail: `${call.type} ${id}`, at: Date.now() });
    switch (call.type) {
      case "session.launch": {
        const { user: _user, ...request } = call.data;
        // No Idempotency-Key of the API's can hold a line break.
        const launched = await sessions.launch(request, { key: `webhook\n${id}`, host, caller });
        note(launched.ok ? launched.value.session.id : undefined);
        return launched.ok
          ? { ok: true, value: { status: 201, body: launched.value.session } }
          : inData(launched.problem);
      }
      case "session.cancel": {
        const canceled = sessions.cancel(call.data.id, { host, caller, reason: call.data.reason });
        note(canceled.ok ? canceled.value.id : undefined);
        return canceled.ok
          ? { ok: true, value: { status: 202, body: canceled.value } }
          : inData(canceled.problem);
      }
      default:
        return call satisfies never;
    }
  }

  #status(id: string | undefined, host: string): Answer {
    const { sessions } = this.#options;
    if (id === undefined) return { ok: true, value: { status: 200, body: sessions.list(host) } };
    const found = sessions.one(id, host);
    return found.ok ? { ok: true, value: { status: 200, body: found.value } } : inData(found.problem);
  }

  #kept(id: string): { hash: string; answer: Answer } | undefined {
    const [row] = this.#table.exec<{ hash: string; answer: string }>(
      "SELECT hash, answer FROM webhook_calls WHERE id = ?",
      id,
    );
    return row === undefined ? undefined : { hash: row.hash, answer: Kept.parse(JSON.parse(row.answer)) };
  }

  #keep(id: string, hash: string, answer: Answer): void {
    if (!answer.ok && isPassing(answer.problem)) return;
    this.#table.insert(
      "INSERT INTO webhook_calls (id, hash, answer, at) VALUES (?, ?, ?, ?)",
      id,
      hash,
      JSON.stringify(answer),
      Date.now(),
    );
    this.#options.onChange();
  }
}

/** In a message the fields of a launch stand under `data`. */
const inData = (problem: Problem): Answer => ({
  ok: false,
  problem: problem.field === undefined ? problem : { ...problem, field: `data.${problem.field}` },
});

const unknownUser = (user: string): BerthError =>
  new BerthError("unknown_user", `data.user: "${user}" has never logged in here`, { field: "data.user" });

const conflict = (id: string): BerthError =>
  new BerthError("idempotency_conflict", `the message "${id}" came before, and said something else`);
