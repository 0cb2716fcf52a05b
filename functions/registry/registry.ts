import { DurableObject } from "cloudflare:workers";
import type { Env } from "../env.ts";
import { callPart } from "../part-calls.ts";
import type { RegistryParts } from "./parts.ts";
import { Users } from "./users.ts";

/**
 * Who there is, for the operator: users, their workspaces and sessions, the audit log, what could not be delivered. The
 * workspaces tell it, when they come to it; nothing that a user waits for asks it.
 */
export class Registry extends DurableObject<Env> {
  readonly #parts: RegistryParts;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { sql } = ctx.storage;
    this.#parts = { users: new Users(sql) };
  }

  /** What functions and workspaces ask of the registry's parts; see parts.ts. */
  async call(part: string, method: string, args: unknown[]): Promise<unknown> {
    return callPart(this.#parts, part, method, args);
  }
}
