import { setTimeout as delay } from "node:timers/promises";
import type { ReadinessTarget } from "../../readiness.ts";
import { untilReady } from "../../readiness.ts";
import type { ClusterLaunch } from "../record.ts";

/**
 * Waits until a service on a node is ready: first for the node's word that it listens, since what listens before may be a
 * stranger, then for its answer through the tunnel.
 * @returns undefined when it is ready; else why it is not within its budget, which begins with its job
 * @throws the signal's reason
 */
export async function whyNotReady(options: {
  launch: ClusterLaunch;
  isListening: Promise<void>;
  target: () => ReadinessTarget;
  /** Milliseconds since 1970. */
  clock: () => number;
  signal: AbortSignal;
}): Promise<string | undefined> {
  const { launch, target, clock, signal } = options;
  const { below, timeout } = launch.readiness;
  const end = (launch.jobStartedAt ?? clock()) + timeout * 1000;
  const over = new AbortController();
  const listens = await Promise.race([
    options.isListening.then(() => true),
    delay(Math.max(0, end - clock()), false, { signal: AbortSignal.any([signal, over.signal]) }),
  ]).finally(() => over.abort());
  if (!listens) return "nothing of it listens on the node";
  const timeoutMs = Math.max(0, end - clock());
  return await untilReady({ target, below, timeoutMs, onListening: () => undefined, signal });
}
