import type { Env } from "../env.ts";
import { type Calls, remotePart } from "../part-calls.ts";
import type { Users } from "./users.ts";

/** The parts of the registry's object that functions and workspaces call by RPC; what they give back is plain data. */
export type RegistryParts = { users: Users };

/** The one registry's name. */
const NAME = "registry";

/** One part of the registry, from outside. Nothing that a user waits for may wait for it. */
export const registryPart = <Name extends keyof RegistryParts>(
  env: Env,
  name: Name,
): Calls<RegistryParts[Name]> => remotePart<RegistryParts[Name]>(env.REGISTRY.getByName(NAME), name);
