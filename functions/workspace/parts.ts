import type { UserId } from "../../contract/person.ts";
import type { Env } from "../env.ts";
import { type Calls, remotePart } from "../part-calls.ts";
import type { Access } from "./access.ts";
import type { Account } from "./account.ts";
import type { Agents } from "./agents.ts";
import type { LockOut } from "./lock-out.ts";
import type { Shares } from "./shares.ts";
import type { Visits } from "./visits.ts";
import type { Deliveries } from "./deliveries.ts";
import type { WebhookCalls } from "./webhook-calls.ts";

/** The parts of a workspace's object that functions call by RPC; what they give back is plain data. */
export type Parts = {
  access: Access;
  account: Account;
  agents: Agents;
  lockOut: LockOut;
  shares: Shares;
  visits: Visits;
  webhooks: WebhookCalls;
  deliveries: Deliveries;
};

/** One part of a user's workspace, from outside. */
export const partOf = <Name extends keyof Parts>(env: Env, user: UserId, name: Name): Calls<Parts[Name]> =>
  remotePart<Parts[Name]>(env.WORKSPACE.getByName(user), name);
