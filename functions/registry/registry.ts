import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";

/**
 * Who there is, for the operator: users, their workspaces and sessions, the audit log, what could not be delivered. The
 * workspaces tell it, when they come to it; nothing that a user waits for asks it.
 */
export class Registry extends DurableObject<Env> {}
