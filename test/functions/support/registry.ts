import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { noSessions } from "../../../contract/operator.ts";
import type { Person, UserId } from "../../../contract/person.ts";
import { type RegistryParts, registryPart } from "../../../functions/registry/parts.ts";
import type { WorkspaceSnapshot } from "../../../functions/registry/workspace-report.ts";
import type { Calls } from "../../../functions/part-calls.ts";

/** The registry's object. */
export const registry = () => env.REGISTRY.getByName("registry");

/** One part of the registry. */
export const registered = <Name extends keyof RegistryParts>(name: Name): Calls<RegistryParts[Name]> =>
  registryPart(env, name);

const YEAR_MS = 365 * 86_400_000;

/**
 * Lets no alarm ring by itself from here on: the test's clock, by which alarms are set, runs a year ahead of the runtime's, by
 * which they ring. Undone by `vi.useRealTimers`.
 */
export const stopAlarms = (): void => void vi.setSystemTime(Date.now() + YEAR_MS);

/** Lets so much time pass that a workspace tells the registry what it has to tell. False: it had nothing. */
export async function tell(user: UserId, afterMs = 10_000): Promise<boolean> {
  vi.setSystemTime(Date.now() + afterMs);
  return runDurableObjectAlarm(env.WORKSPACE.getByName(user));
}

/** What the workspace of somebody tells who only has logged in. */
export const snapshotOf = (owner: Person): WorkspaceSnapshot => ({
  owner,
  lockedOut: null,
  seen: null,
  agent: { online: false, host: null, user: null, version: null, since: null },
  sessions: [],
  counts: noSessions(),
  dead: 0,
  counters: { run: "once", values: {}, open: { http: 0, sse: 0, websocket: 0 } },
});
