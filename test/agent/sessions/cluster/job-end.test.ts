import { describe, expect, it } from "vitest";
import type { JobEnd } from "../../../../agent/scheduler/scheduler.ts";
import { jobOutcome, lostTheLock } from "../../../../agent/sessions/cluster/job-end.ts";

const end = (how: JobEnd["how"], more: Partial<JobEnd> = {}): JobEnd => ({
  kind: "ended",
  how,
  reason: `the scheduler's word on ${how}`,
  ...more,
});

describe("what a job's end makes of its session", () => {
  it("is what the scheduler says of a cancel", () => {
    expect(jobOutcome(end("canceled"), 143, ["a line"], true)).toEqual({
      state: "canceled",
      status: "the scheduler's word on canceled",
      error: "",
    });
  });

  it.each(["timeout", "out_of_memory", "node_failure"] as const)(
    "is the scheduler's reason and the log for %s, whatever the exit code",
    (how) => {
      for (const code of [0, 143, undefined])
        expect(jobOutcome(end(how), code, ["a line"], true)).toEqual({
          state: "failed",
          status: "Failed",
          error: `the scheduler's word on ${how}\n\na line`,
        });
    },
  );

  it("is completed when a service that was ready has ended with 0", () => {
    expect(jobOutcome(end("completed"), 0, [], true).state).toBe("completed");
    expect(jobOutcome(undefined, 0, [], true).state).toBe("completed");
    expect(jobOutcome(end("completed", { exitCode: 0 }), undefined, [], true).state).toBe("completed");
  });

  it("is a failure when it was never ready", () => {
    const { state, error } = jobOutcome(end("completed"), 0, ["usage: …"], false);
    expect(state).toBe("failed");
    expect(error).toContain("before it was ready");
    expect(error).toContain("usage: …");
  });

  it("takes the script's own exit code before the scheduler's", () => {
    expect(jobOutcome(end("failed", { exitCode: 1 }), 3, [], true).error).toContain("exited with code 3");
    expect(jobOutcome(end("failed", { exitCode: 1 }), undefined, [], true).error).toContain(
      "exited with code 1",
    );
  });

  it("is the scheduler's reason where there is no exit code", () => {
    expect(jobOutcome(end("failed"), undefined, [], true).error).toBe("the scheduler's word on failed");
  });

  it("is a failure where nobody knows anything", () => {
    const { state, error } = jobOutcome(undefined, undefined, [], true);
    expect(state).toBe("failed");
    expect(error).toContain("without an exit code");
  });
});

describe("a job that came too late", () => {
  it("has ended with the code of the start lock, and no word of the session's end is there", () => {
    expect(lostTheLock(end("failed", { exitCode: 75 }), undefined)).toBe(true);
    expect(lostTheLock(end("failed", { exitCode: 75 }), 75)).toBe(false);
    expect(lostTheLock(end("failed", { exitCode: 1 }), undefined)).toBe(false);
    expect(lostTheLock(undefined, undefined)).toBe(false);
  });
});
