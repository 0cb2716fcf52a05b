import type { Env } from "./env.ts";
import { sessionHostsOf } from "./hosts.ts";

/**
 * Why nobody can share a session at this edge, as a sentence for its owner; null where it is offered. An application of
 * the owner's is no more to be trusted by a guest than by anybody else: under one origin with the guest's own sessions it
 * would read them.
 */
export function sharingRefusal(env: Env): string | null {
  if (env.BERTH_SHARING === "off") return "the operator of this edge does not offer sharing";
  if (sessionHostsOf(env) !== "each")
    return "sharing needs a host of its own for each session, which this edge does not have (docs/sharing.md)";
  return null;
}
