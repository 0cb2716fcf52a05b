import type { Context } from "hono";
import type { DeadWebhook } from "../../contract/operator.ts";
import type { UserId } from "../../contract/person.ts";
import { BerthError } from "../../contract/problem.ts";
import type { Session } from "../../contract/session.ts";
import type { AppEnv, Env } from "../env.ts";
import { registryPart } from "../registry/parts.ts";
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
