import { randomFillSync } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { JobMonitor } from "../../../agent/scheduler/monitor.ts";
import { none } from "../../../agent/scheduler/none.ts";
import type { JobRef, JobStatus, Scheduler } from "../../../agent/scheduler/scheduler.ts";
import { CannotAsk, type Shell } from "../../../agent/ssh/shell.ts";
import { sessionId } from "../../../contract/ids.ts";

const shell: Shell = { run: () => Promise.reject(new Error("nothing is run here")) };

const job = (): JobRef => {
  const session = sessionId((bytes) => randomFillSync(bytes));
  return { session, jobId: "1", directory: `/home/ada/.berth/sessions/${session}` };
};

describe("the monitor of a scheduler's jobs", () => {
  /** The jobs of each query. */
  let queries: JobRef[][];
  let answer: (jobs: readonly JobRef[]) => Promise<ReadonlyMap<JobRef["session"], JobStatus>>;
  let monitor: JobMonitor;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    queries = [];
    answer = async (jobs) => new Map(jobs.map(({ session }) => [session, { kind: "running" }]));
    const scheduler: Scheduler = {
      ...none,
      status: (_shell, jobs) => {
        queries.push([...jobs]);
        return answer(jobs);
      },
    };
    monitor = new JobMonitor(scheduler, shell);
  });
  afterEach(() => {
    monitor[Symbol.dispose]();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it("asks once for all jobs at every tick, and tells each its own", async () => {
    const jobs = Array.from({ length: 100 }, job);
    const told = new Map<string, number>();
    for (const one of jobs)
      monitor.follow(one, "urgent", () => told.set(one.session, (told.get(one.session) ?? 0) + 1));
    await pass(0);
    expect(queries).toEqual([jobs]);
    await pass(1000);
    expect(queries).toEqual([jobs, jobs]);
    expect([...told.values()]).toEqual(jobs.map(() => 2));
  });

  it("asks at once for a job that comes, also while a query is under way", async () => {
    const gate = Promise.withResolvers<void>();
    answer = async (jobs) => {
      await gate.promise;
      return new Map(jobs.map(({ session }) => [session, { kind: "running" }]));
    };
    monitor.follow(job(), "calm", () => undefined);
    await pass(0);
    monitor.follow(job(), "calm", () => undefined);
    gate.resolve();
    await pass(250);
    expect(queries.map(({ length }) => length)).toEqual([1, 2]);
  });

  it("asks for many that come one after the other no more often than five times a second", async () => {
    for (let one = 0; one < 30; one++) {
      monitor.follow(job(), "urgent", () => undefined);
      await pass(20);
    }
    expect(queries.length).toBeLessThanOrEqual(4);
  });

  it("asks as often as the most urgent job wants it", async () => {
    monitor.follow(job(), "calm", () => undefined);
    const urgent = monitor.follow(job(), "urgent", () => undefined);
    await pass(3000);
    const before = queries.length;
    expect(before).toBe(4);
    urgent.pace = "calm";
    await pass(10_000);
    expect(queries.length - before).toBe(2);
  });

  it("asks nobody while there are no jobs", async () => {
    const followed = monitor.follow(job(), "urgent", () => undefined);
    followed[Symbol.dispose]();
    await pass(10_000);
    expect(queries).toEqual([]);
  });

  it("tells unknown when the query fails, and asks again", async () => {
    const told: JobStatus[] = [];
    answer = () => Promise.reject(new CannotAsk("it is down"));
    monitor.follow(job(), "urgent", (status) => told.push(status));
    await pass(0);
    expect(told).toEqual([{ kind: "unknown", why: "it is down" }]);
    answer = async (jobs) => new Map(jobs.map(({ session }) => [session, { kind: "not_found" }]));
    await pass(1000);
    expect(told.at(-1)).toEqual({ kind: "not_found" });
  });

  it("tells nothing more of a job that is let go of while it is asked for", async () => {
    const gate = Promise.withResolvers<void>();
    const told: JobStatus[] = [];
    answer = async (jobs) => {
      await gate.promise;
      return new Map(jobs.map(({ session }) => [session, { kind: "running" }]));
    };
    const followed = monitor.follow(job(), "urgent", (status) => told.push(status));
    await pass(0);
    followed[Symbol.dispose]();
    gate.resolve();
    await pass(5000);
    expect(told).toEqual([]);
    expect(queries).toHaveLength(1);
  });

  it("follows the later of two for one session", async () => {
    const one = job();
    const told: string[] = [];
    const first = monitor.follow(one, "urgent", () => told.push("first"));
    monitor.follow({ ...one, jobId: "2" }, "urgent", () => told.push("second"));
    first[Symbol.dispose]();
    await pass(0);
    expect(told).toEqual(["second"]);
    expect(queries[0]?.map(({ jobId }) => jobId)).toEqual(["2"]);
  });
});
