import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { callPart } from "../part-calls.ts";
import { Alarm } from "../workspace/alarm.ts";
import { AuditLog } from "./audit-log.ts";
import { EndedSessions } from "./ended-sessions.ts";
import { Enrolments } from "./enrolments.ts";
import { Intake } from "./intake.ts";
import { LiveSessions } from "./live-sessions.ts";
import { Metrics } from "./metrics.ts";
import type { RegistryParts } from "./parts.ts";
import { ShareOwners } from "./share-owners.ts";
import { OpenStreams } from "./open-streams.ts";
import { Totals } from "./totals.ts";
import { Users } from "./users.ts";

/**
 * Who there is, for the operator: users, their workspaces and sessions, the audit log, what could not be delivered. The
 * workspaces tell it, when they come to it; nothing that a user waits for asks it.
 */
export class Registry extends DurableObject<Env> {
  readonly #parts: RegistryParts;
  readonly #alarm: Alarm;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { storage } = ctx;
    const { sql } = storage;
    const users = new Users(sql);
    const sessions = new LiveSessions(sql);
    const endedSessions = new EndedSessions(sql);
    const auditLog = new AuditLog(sql);
    const totals = new Totals(sql);
    const openStreams = new OpenStreams(sql);
    const enrolments = new Enrolments(sql, () => ctx.waitUntil(this.#alarm.set()));
    this.#alarm = new Alarm(storage, [enrolments]);
    this.#parts = {
      enrolments,
      shareOwners: new ShareOwners(sql),
      users,
      sessions,
      endedSessions,
      auditLog,
      metrics: new Metrics(users, totals, openStreams),
      intake: new Intake({ storage, users, sessions, endedSessions, auditLog, totals, openStreams }),
    };
  }

  override async alarm(): Promise<void> {
    await this.#alarm.ring(Date.now());
  }

  /** What functions and workspaces ask of the registry's parts; see parts.ts. */
  async call(part: string, method: string, args: unknown[]): Promise<unknown> {
    return callPart(this.#parts, part, method, args);
  }
}
