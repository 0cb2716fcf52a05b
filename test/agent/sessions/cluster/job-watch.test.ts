import { randomFillSync } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { JobMonitor } from "../../../../agent/scheduler/monitor.ts";
import { none } from "../../../../agent/scheduler/none.ts";
import type { JobStatus } from "../../../../agent/scheduler/scheduler.ts";
import { JobWatch } from "../../../../agent/sessions/cluster/job-watch.ts";
import { sessionId } from "../../../../contract/ids.ts";

describe("a job that is watched", () => {
  const session = sessionId((bytes) => randomFillSync(bytes));
  let status: JobStatus;
  let told: string[];
  let isHeard: boolean;
  let hasEnded: boolean;
  let watch: JobWatch;
  let monitor: JobMonitor;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
    status = { kind: "running" };
    told = [];
    isHeard = false;
    hasEnded = false;
    monitor = new JobMonitor(
      { ...none, status: async () => new Map([[session, status]]) },
      {
        run: () => Promise.reject(new Error("nothing is run here")),
      },
    );
    watch = new JobWatch({
      facts: { progress: "queued", jobId: "1" },
      clock: Date.now,
      isHeard: () => isHeard,
      hasEnded: async () => hasEnded,
      onChange: () => told.push("change"),
      onQueued: () => told.push("queued"),
      onHopeless: (reason) => told.push(`hopeless: ${reason}`),
      onRuns: () => told.push("runs"),
      onEnded: (end) => told.push(`ended ${end?.how ?? "without a word"}`),
    });
    watch.follow(monitor, { session, jobId: "1", directory: "/d" });
  });
  afterEach(() => {
    watch[Symbol.dispose]();
    monitor[Symbol.dispose]();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it("is known as the scheduler tells it, and a change is told once", async () => {
    status = { kind: "queued", reason: "Priority", position: 2 };
    await pass(6000);
    expect(watch.facts).toEqual({
      progress: "queued",
      jobId: "1",
      queue: { reason: "Priority", position: 2 },
    });
    expect(told.filter((what) => what === "change")).toHaveLength(1);
    status = { kind: "running", node: "c1", endsAt: 5 };
    await pass(6000);
    expect(watch.facts).toEqual({ progress: "started", jobId: "1", node: "c1", endsAt: 5 });
    expect(told.filter((what) => what === "change")).toHaveLength(2);
  });

  it("is as it was while the scheduler cannot be asked, and that is told", async () => {
    await pass(0);
    status = { kind: "unknown", why: "it is down" };
    await pass(3_600_000);
    expect(watch.facts).toMatchObject({
      progress: "started",
      trouble: expect.stringMatching(/it is down$/) as string,
    });
    expect(told.some((what) => what.startsWith("ended"))).toBe(false);
    status = { kind: "running" };
    await pass(1000);
    expect(watch.facts.trouble).toBeUndefined();
  });

  it("that the scheduler does not know lives as long as it is heard, and a while longer", async () => {
    isHeard = true;
    status = { kind: "not_found" };
    await pass(3_600_000);
    // Its tunnel is lost, and comes back.
    isHeard = false;
    await pass(40_000);
    isHeard = true;
    await pass(10_000);
    isHeard = false;
    await pass(40_000);
    expect(told).not.toContain("ended without a word");
    await pass(10_000);
    expect(told).toContain("ended without a word");
  });

  it("that the scheduler does not know has ended at once when its script says so", async () => {
    hasEnded = true;
    status = { kind: "not_found" };
    await pass(0);
    expect(told).toEqual(["ended without a word"]);
  });

  it("that will never start is told when the scheduler has stood by it", async () => {
    status = { kind: "queued", reason: "a limit", isHopeless: true };
    await pass(4000);
    status = { kind: "queued", reason: "Priority" };
    await pass(5000);
    status = { kind: "queued", reason: "a limit", isHopeless: true };
    await pass(5000);
    expect(told.some((what) => what.startsWith("hopeless"))).toBe(false);
    await pass(6000);
    expect(told).toContain("hopeless: a limit");
    expect(watch.facts.queue).toEqual({ reason: "a limit" });
  });

  it("that is heard runs, whatever was told of its queue", async () => {
    status = { kind: "queued", reason: "Priority" };
    await pass(0);
    watch.isHeard();
    expect(watch.facts).toEqual({ progress: "started", jobId: "1" });
  });
});
