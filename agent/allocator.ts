/**
 * How glibc's allocator is set for the agent (mallopt(3)). A transfer frees thousands of read buffers of 64 KiB, which
 * it would keep: after a gigabyte the agent stood 80 MiB above its idle size, with these 54 MiB, at the same rate
 * (bench/README.md).
 */
const SETTINGS: Record<string, string> = { MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "1048576" };

/** Names what was added, so that a session's environment can be the user's own again. */
const ADDED = "BERTH_ADDED";

/** The environment for the agent's process: the user's, with the allocator's settings where the user has none. */
export function agentEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const added = Object.entries(SETTINGS).filter(([name]) => own[name] === undefined);
  return { ...own, ...Object.fromEntries(added), [ADDED]: added.map(([name]) => name).join(" ") };
}

/** The names that `agentEnvironment` added to this environment. */
export const addedNames = (own: NodeJS.ProcessEnv): ReadonlySet<string> =>
  new Set((own[ADDED] ?? "").split(" "));
