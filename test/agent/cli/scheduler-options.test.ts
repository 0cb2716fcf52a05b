import { Command } from "commander";
import { describe, expect, it } from "vitest";
import {
  addSchedulerOptions,
  type SchedulerOptions,
  schedulerRequest,
} from "../../../agent/cli/scheduler-options.ts";

/** What a launch asks the scheduler for when it is typed so. @throws CommanderError */
function requestOf(...args: string[]): ReturnType<typeof schedulerRequest> {
  const command = addSchedulerOptions(new Command("launch"))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return schedulerRequest(command.parse(args, { from: "user" }).opts<SchedulerOptions>());
}

describe("the scheduler's options of a launch", () => {
  it("ask for nothing when nothing is said", () => {
    expect(requestOf()).toBeUndefined();
  });

  it("become the request: seconds, MiB, directives in their order", () => {
    const size = ["--nodes", "2", "--tasks-per-node=4", "--cpus", "8", "--memory", "16G", "--gpus", "0"];
    const directives = ["--directive=--constraint=avx512", "--directive=--hold"];
    expect(
      requestOf(
        "--partition",
        "gpu",
        "--account=a",
        "--qos=q",
        "--time",
        "1:30:00",
        "--exclusive",
        ...size,
        ...directives,
      ),
    ).toEqual({
      partition: "gpu",
      account: "a",
      qos: "q",
      walltime: 5400,
      nodes: 2,
      tasksPerNode: 4,
      cpusPerTask: 8,
      memory: 16_384,
      gpus: 0,
      exclusive: true,
      directives: ["--constraint=avx512", "--hold"],
    });
  });

  it.each([
    ["--time", "90", "Write it as 4h"],
    ["--memory", "16", "Write it as 16G"],
    ["--nodes", "0", "Write a whole number, 1 or more"],
    ["--cpus", "two", "Write a whole number, 1 or more"],
    ["--gpus", "-1", "Write a whole number, 0 or more"],
  ])("refuse %s %s", (option, value, message) => {
    expect(() => requestOf(`${option}=${value}`)).toThrow(message);
  });
});
