import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { UserId } from "../../../contract/person.ts";
import { type RegistryParts, registryPart } from "../../../functions/registry/parts.ts";
import type { Calls } from "../../../functions/part-calls.ts";

/** The registry's object. */
export const registry = () => env.REGISTRY.getByName("registry");

/** One part of the registry. */
export const registered = <Name extends keyof RegistryParts>(name: Name): Calls<RegistryParts[Name]> =>
  registryPart(env, name);

/** Lets so much time pass that a workspace tells the registry what it has to tell. False: it had nothing. */
export async function tell(user: UserId, afterMs = 10_000): Promise<boolean> {
  vi.setSystemTime(Date.now() + afterMs);
  return runDurableObjectAlarm(env.WORKSPACE.getByName(user));
}
