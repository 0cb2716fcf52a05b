import { LOCAL_USER } from "../../contract/person.ts";
import { configOf } from "../config.ts";
import type { Counters } from "../counters.ts";
import type { Env } from "../env.ts";
import type { Audit } from "./audit.ts";
import type { Cancellations } from "./cancellations.ts";
import { Deliveries } from "./deliveries.ts";
import type { Logins } from "./logins.ts";
import type { Sessions } from "./sessions.ts";
import { WebhookCalls } from "./webhook-calls.ts";

/** What the platform asks of a workspace, and what it is told of it. */
export function platform(
  env: Env,
  sql: SqlStorage,
  options: {
    sessions: Sessions;
    cancellations: Cancellations;
    logins: Logins;
    audit: Audit;
    counters: Counters;
    onChange: () => void;
  },
): { webhooks: WebhookCalls; deliveries: Deliveries } {
  const { sessions, cancellations, logins, audit, counters, onChange } = options;
  return {
    webhooks: new WebhookCalls({
      sql,
      sessions,
      audit,
      isOwned: (user) => user === LOCAL_USER || logins.owner !== null,
      onChange,
    }),
    deliveries: new Deliveries({
      sql,
      target: configOf(env).webhooks.outgoing,
      owner: () => logins.owner,
      audit,
      canceledBy: (session) => cancellations.of(session),
      count: (outcome) => counters.add("webhook_deliveries", outcome),
      fetch: (url, init) => fetch(url, init),
      deadline: (ms) => AbortSignal.timeout(ms),
      now: () => Date.now(),
      random: () => Math.random(),
      onChange,
    }),
  };
}
