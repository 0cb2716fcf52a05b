import { describe, expect, it } from "vitest";
import { pbs } from "../../../../agent/scheduler/pbs.ts";
import { SessionId } from "../../../../contract/ids.ts";
import { RecordedShell, Recordings } from "../../../support/recorded-shell.ts";

const release = new Recordings("pbs", "openpbs-23.06.06");
const torque = new Recordings("pbs", "torque-6.1.3");

const job = (jobId: string) => ({
  session: SessionId.parse("s4k2m9x0v7qrt"),
  jobId,
  directory: "/home/alice/s",
});

describe("a cancel", () => {
  it.each([
    ["openpbs", release, "qdel-queued", { kind: "canceled" }],
    ["openpbs", release, "qdel-running", { kind: "canceled" }],
    ["openpbs", release, "qdel-exiting", { kind: "canceled" }],
    ["openpbs", release, "qdel-running-twice", { kind: "gone" }],
    ["openpbs", release, "qdel-deleted-again", { kind: "gone" }],
    ["openpbs", release, "qdel-finished", { kind: "gone" }],
    ["openpbs", release, "qdel-unknown", { kind: "gone" }],
    ["openpbs", release, "nohist-qdel", { kind: "gone" }],
    ["openpbs", release, "qdel-other", { kind: "refused", message: "Unauthorized Request  430.pbs01" }],
    [
      "openpbs",
      release,
      "qdel-malformed",
      { kind: "refused", message: "illegally formed job identifier: notajob" },
    ],
    [
      "openpbs",
      release,
      "qdel-host-down",
      { kind: "refused", message: expect.stringContaining("its node does not answer") },
    ],
    [
      "openpbs",
      release,
      "down-qdel",
      { kind: "unknown", why: expect.stringContaining("Connection refused") },
    ],
    ["torque", torque, "qdel-queued", { kind: "canceled" }],
    ["torque", torque, "qdel-running", { kind: "canceled" }],
    ["torque", torque, "qdel-completed", { kind: "gone" }],
    ["torque", torque, "qdel-unknown", { kind: "gone" }],
    ["torque", torque, "keep0-qdel", { kind: "gone" }],
    [
      "torque",
      torque,
      "qdel-other",
      { kind: "refused", message: expect.stringContaining("operation not permitted") },
    ],
    [
      "torque",
      torque,
      "qdel-host-down",
      { kind: "refused", message: expect.stringContaining("its node does not answer") },
    ],
    ["torque", torque, "down-qdel", { kind: "unknown", why: expect.stringContaining("Connection refused") }],
  ] as const)("is told by qdel's exit code: %s %s %s", async (dialect, recordings, name, expected) => {
    const recording = recordings.get(name);
    expect(
      await pbs({ dialect }).cancel(new RecordedShell(recording), job(recording.argv.at(-1) ?? "")),
    ).toEqual(expected);
  });

  it("whose server hangs has no known outcome", async () => {
    const shell = new RecordedShell().answer(["qdel", "1.pbs01"], "hangs");
    expect(await pbs({ dialect: "openpbs" }).cancel(shell, job("1.pbs01"))).toMatchObject({
      kind: "unknown",
    });
  });

  it.each([
    ["", { kind: "gone" }],
    [
      "qdel: Kill job error on job id 9: Access/permission denied\n",
      { kind: "refused", message: expect.stringContaining("denied") },
    ],
    [
      "qdel: Kill job error on job id 9: Unable to contact slurm controller (connect failure)\n",
      { kind: "unknown", why: expect.stringContaining("contact") },
    ],
  ])("is told by the words of SchedMD's qdel, which has one exit code: %j", async (stdout, expected) => {
    const shell = new RecordedShell().answer(["qdel", "9"], {
      code: 1,
      stdout: Buffer.from(stdout),
      stderr: "",
    });
    expect(await pbs({ dialect: "slurm" }).cancel(shell, job("9"))).toEqual(expected);
  });
});
