import { describe, expect, it } from "vitest";
import { waitingReason } from "../../../../agent/scheduler/slurm/reasons.ts";
import { endOf, fromWaitStatus, stateOf } from "../../../../agent/scheduler/slurm/states.ts";

describe("a state of Slurm's", () => {
  it.each([
    ["TIMEOUT", "timeout"],
    ["DEADLINE", "timeout"],
    ["OUT_OF_MEMORY", "out_of_memory"],
    ["NODE_FAIL", "node_failure"],
    ["BOOT_FAIL", "node_failure"],
    ["PREEMPTED", "canceled"],
    ["CANCELLED", "canceled"],
    ["CANCELLED+", "canceled"],
    ["CANCELLED by 1000", "canceled"],
    ["REVOKED", "canceled"],
  ])("%s is an end: %s", (state, how) => {
    expect(endOf({ state })).toMatchObject({ kind: "ended", how });
  });

  it.each(["RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STAGE_OUT"])("%s runs", (state) => {
    expect(stateOf(state)).toBe("running");
    expect(endOf({ state })).toBeUndefined();
  });

  it.each(["PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT"])("%s waits", (state) => {
    expect(stateOf(state)).toBe("queued");
  });

  it.each(["", "HOVERING", "constructor"])("%j is none", (state) => {
    expect(stateOf(state)).toBeUndefined();
  });
});

describe("an end in words", () => {
  it("names who canceled it, the exit code, the signal, and Slurm's own reason", () => {
    expect(endOf({ state: "CANCELLED by 1000", by: "eve" })?.reason).toBe(
      "It was canceled by eve (CANCELLED)",
    );
    expect(endOf({ state: "FAILED", exit: fromWaitStatus(3 << 8), reason: "NonZeroExitCode" })).toEqual({
      kind: "ended",
      how: "failed",
      exitCode: 3,
      reason: "It failed with exit code 3 (FAILED)",
    });
    expect(endOf({ state: "FAILED", exit: fromWaitStatus(15) })?.reason).toBe(
      "It failed: ended by SIGTERM (FAILED)",
    );
    expect(endOf({ state: "CANCELLED", reason: "AssocGrpCPUMinutesLimit" })?.reason).toBe(
      "It was canceled (AssocGrpCPUMinutesLimit)",
    );
  });
});

describe("a reason to wait", () => {
  it.each([
    [
      "ReqNodeNotAvail, UnavailableNodes:c1",
      "Nodes it needs are down, drained or reserved (ReqNodeNotAvail, UnavailableNodes:c1)",
    ],
    ["AssocGrpCpuLimit", "Your account has reached a limit of its resources (AssocGrpCpuLimit)"],
    [
      "QOSMaxWallDurationPerJobLimit",
      "It asks for more than its QOS allows a job: ask for less (QOSMaxWallDurationPerJobLimit)",
    ],
    [
      "AssocMaxWallDurationPerJobLimit",
      "It asks for more than your account allows a job: ask for less (AssocMaxWallDurationPerJobLimit)",
    ],
    ["The moon is not full", "The moon is not full"],
    ["None", undefined],
  ])("%s", (reason, words) => {
    expect(waitingReason(reason)).toBe(words);
  });
});
