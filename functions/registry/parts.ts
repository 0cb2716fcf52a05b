import type { Env } from "../env.ts";
import { type Calls, remotePart } from "../part-calls.ts";
import type { AuditLog } from "./audit-log.ts";
import type { EndedSessions } from "./ended-sessions.ts";
import type { Enrolments } from "./enrolments.ts";
import type { Intake } from "./intake.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { Metrics } from "./metrics.ts";
import type { ShareOwners } from "./share-owners.ts";
import type { Users } from "./users.ts";

/** The parts of the registry's object that functions and workspaces call by RPC; what they give back is plain data. */
export type RegistryParts = {
  enrolments: Enrolments;
  intake: Intake;
  users: Users;
  sessions: LiveSessions;
  endedSessions: EndedSessions;
  auditLog: AuditLog;
  metrics: Metrics;
  shareOwners: ShareOwners;
};

/** The one registry's name. */
const NAME = "registry";

/** One part of the registry, from outside. Nothing that a user waits for may wait for it. */
export const registryPart = <Name extends keyof RegistryParts>(
  env: Env,
  name: Name,
): Calls<RegistryParts[Name]> => remotePart<RegistryParts[Name]>(env.REGISTRY.getByName(NAME), name);
