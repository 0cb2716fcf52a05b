import type { Context } from "hono";
import type { DeadWebhook } from "../../contract/operator.ts";
import type { UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import type { Session } from "../../contract/session.ts";
import type { AppEnv, Env } from "../env.ts";
import { registryPart } from "../registry/parts.ts";
import type { LockOutReceipt } from "../workspace/lock-out.ts";
import { partOf } from "../workspace/parts.ts";

/** Workspaces that are asked for their dead webhooks at once. */
const ASKED_AT_ONCE = 20;

/** To ask for the workspace of somebody who has none would make one. */
async function checkKnown(env: Env, user: UserId): Promise<void> {
  if (!(await registryPart(env, "users").has(user)))
    throw new BerthError("not_found", `there is no user "${user}"`);
}

/**
 * Cancels somebody's session on an operator's word.
 * @throws BerthError `not_found`, `unknown_session`
 */
export async function cancelForUser(
  c: Context<AppEnv>,
  { user, id, reason }: { user: UserId; id: string; reason: string },
): Promise<Session> {
  await checkKnown(c.env, user);
  const { sessionsHost: host, caller } = c.var;
  const canceled = await c.env.WORKSPACE.getByName(user).cancel(id, { host, caller, reason });
  if (!canceled.ok) throw BerthError.from(canceled.problem);
  return canceled.value;
}

/** The registry hears it from the workspace too: what it is told here, the operator sees at once. */
async function tellLock(
  env: Env,
  user: UserId,
  lockedOut: LockOutReceipt["lockedOut"] | null,
): Promise<void> {
  await registryPart(env, "users")
    .locked(user, lockedOut)
    .catch((error: unknown) => console.warn(`the registry does not know yet of the lock of ${user}:`, error));
}

/**
 * Locks somebody out, and ends what is open for them.
 * @param options.cancels true to cancel their sessions too
 * @throws BerthError `not_found`; `invalid_request` for oneself: nobody could let oneself in again
 */
export async function lockOutUser(
  c: Context<AppEnv>,
  { user, reason, cancels }: { user: UserId; reason: string; cancels: boolean },
): Promise<LockOutReceipt> {
  const { sessionsHost: host, caller } = c.var;
  if (user === caller.user)
    throw new BerthError("invalid_request", "you cannot lock yourself out: another operator can", {
      field: "user",
    });
  await checkKnown(c.env, user);
  const receipt = await partOf(c.env, user, "lockOut").begin({ reason, cancels }, { host, caller });
  await tellLock(c.env, user, receipt.lockedOut);
  return receipt;
}

/**
 * Lets somebody in again; nothing happens to who is not locked out.
 * @throws BerthError `not_found`
 */
export async function letInUser(c: Context<AppEnv>, user: UserId): Promise<void> {
  await checkKnown(c.env, user);
  await partOf(c.env, user, "lockOut").end(c.var.caller);
  await tellLock(c.env, user, null);
}

/** A page of them. `unanswered`: whose workspace could not be asked, so that others may be there. */
export type DeadWebhooks = { items: DeadWebhook[]; unanswered: UserId[]; next: string | null };

/** The webhooks that could not be delivered: of some of the users who have any, those after an id. */
export async function deadWebhooks(env: Env, after?: string): Promise<DeadWebhooks> {
  const known = await registryPart(env, "users").list({ dead: true, after, limit: ASKED_AT_ONCE + 1 });
  const asked = known.slice(0, ASKED_AT_ONCE);
  const unanswered: UserId[] = [];
  const letters = await Promise.all(
    asked.map(async ({ user }) => {
      const dead = await partOf(env, user.id, "deliveries")
        .dead()
        .catch((error: unknown) => {
          console.error(`the workspace of ${user.id} does not tell its undelivered webhooks:`, error);
          unanswered.push(user.id);
          return [];
        });
      return dead.map(({ id, session, type, attempts, error, at, died }) => ({
        user: user.id,
        userName: user.name,
        id,
        session,
        type,
        attempts,
        error,
        at: new Date(at).toISOString(),
        diedAt: new Date(died).toISOString(),
      }));
    }),
  );
  return {
    items: letters.flat(),
    unanswered,
    next: known.length > ASKED_AT_ONCE ? (asked.at(-1)?.user.id ?? null) : null,
  };
}

/**
 * Sends a dead webhook again, or forgets it.
 * @throws BerthError `not_found`
 */
export async function treatDeadWebhook(
  c: Context<AppEnv>,
  { user, id, what }: { user: UserId; id: string; what: "redeliver" | "discard" },
): Promise<void> {
  await checkKnown(c.env, user);
  const deliveries = partOf(c.env, user, "deliveries");
  const { caller } = c.var;
  const isDone = await (what === "redeliver"
    ? deliveries.redeliver(id, caller)
    : deliveries.discard(id, caller));
  if (!isDone) throw new BerthError("not_found", `there is no undelivered webhook "${id}" any more`);
}
