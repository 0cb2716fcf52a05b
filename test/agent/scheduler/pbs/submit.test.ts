import { describe, expect, it } from "vitest";
import type { PbsDialect } from "../../../../agent/scheduler/pbs/dialect.ts";
import { pbs } from "../../../../agent/scheduler/pbs.ts";
import type { JobRequest } from "../../../../agent/scheduler/scheduler.ts";
import { SessionId } from "../../../../contract/ids.ts";
import type { SchedulerRequest } from "../../../../contract/session.ts";
import { RecordedShell, Recordings } from "../../../support/recorded-shell.ts";

const release = new Recordings("pbs", "openpbs-23.06.06");
const torque = new Recordings("pbs", "torque-6.1.3");

const job = (request: SchedulerRequest = {}): JobRequest => ({
  session: SessionId.parse("s4k2m9x0v7qrt"),
  directory: "/home/alice/My Documents/s4k2m9x0v7qrt",
  script: "/home/alice/My Documents/s4k2m9x0v7qrt/session.sh",
  request,
});

const LOG = ["-j", "oe", "-o", "/home/alice/My Documents/s4k2m9x0v7qrt/scheduler.log"];
const PLAIN: Record<Exclude<PbsDialect, "slurm">, string[]> = { openpbs: ["qsub", "-f"], torque: ["qsub"] };
const qsub = (dialect: Exclude<PbsDialect, "slurm">) => [...PLAIN[dialect], ...LOG];

const said = (code: number, stderr: string, stdout = "") => ({ code, stdout: Buffer.from(stdout), stderr });

describe("a submit", () => {
  it.each([
    ["openpbs", release],
    ["torque", torque],
  ] as const)(
    "hands qsub the script on standard input and reads the job's id: %s",
    async (dialect, recordings) => {
      const recording = recordings.get("qsub-ok-stdin");
      const shell = new RecordedShell().answer(qsub(dialect), recording);
      expect(await pbs({ dialect }).submit(shell, job())).toEqual({
        kind: "submitted",
        jobId: recording.stdout.toString().trim(),
        notes: [],
      });
      expect(shell.inputs).toEqual([pbs({ dialect }).jobScript(job())]);
    },
  );

  it.each([
    [release, "qsub-unknown-queue", "Unknown queue"],
    [release, "qsub-disabled-queue", "Queue is not enabled"],
    [release, "qsub-acl-queue", "Unauthorized Request"],
    [release, "qsub-walltime-over-limit", "Job violates queue and/or server resource limits"],
    [release, "qsub-unknown-resource", "Unknown resource Resource_List.nosuchres"],
    [release, "qsub-limit-4", "would exceed queue generic's per-user limit"],
    [release, "qsub-no-default-queue", "No default queue specified"],
    [release, "qsub-mem-bad", "Illegal attribute or resource value select.mem"],
    [release, "acl-qsub", "Unauthorized Request"],
    [release, "otherhost-qsub", "Bad UID for job execution"],
  ] as const)("is refused in OpenPBS's own words: %s %s", async (recordings, name, message) => {
    const shell = new RecordedShell().answer(qsub("openpbs"), recordings.get(name));
    expect(await pbs({ dialect: "openpbs" }).submit(shell, job())).toEqual({ kind: "refused", message });
  });

  it("is refused in the words of this failure: with -f no process of an earlier qsub answers", async () => {
    const [stale, own] = [release.get("stale-error-2"), release.get("stale-error-3")];
    expect(stale.stderr).toContain("Resource_List.place");
    expect(own.argv.slice(0, 2)).toEqual(PLAIN.openpbs);
    const shell = new RecordedShell().answer(qsub("openpbs"), own);
    const { message } = (await pbs({ dialect: "openpbs" }).submit(shell, job())) as { message: string };
    expect(message).not.toContain("Resource_List.place");
  });

  it.each([
    ["qsub-unknown-queue", /Unknown queue MSG=requested queue not found/],
    ["qsub-disabled-queue", /queue is disabled/],
    ["qsub-walltime-over-limit", /cannot satisfy queue max walltime requirement/],
    ["qsub-unknown-resource", /Unknown resource type {2}Resource_List.nosuchres/],
    ["qsub-too-many-nodes", /cannot locate feasible nodes/],
    ["qsub-limit-4", /exceeds the queue limit/],
  ])("is refused in Torque's own words: %s", async (name, message) => {
    const shell = new RecordedShell().answer(qsub("torque"), torque.get(name));
    expect(await pbs({ dialect: "torque" }).submit(shell, job())).toEqual({
      kind: "refused",
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ["openpbs", release, "down-qsub-stdin"],
    ["openpbs", release, "aclhost-qsub"],
    ["openpbs", release, "qsub-unknown-server"],
    ["torque", torque, "down-qsub"],
    ["torque", torque, "trqauthd-down-qsub"],
    ["torque", torque, "qsub-unknown-server"],
  ] as const)(
    "whose server did not judge has no known outcome: %s %s %s",
    async (dialect, recordings, name) => {
      const shell = new RecordedShell().answer(qsub(dialect), recordings.get(name));
      expect(await pbs({ dialect }).submit(shell, job())).toMatchObject({ kind: "unknown" });
    },
  );

  it("that hangs has no known outcome", async () => {
    const shell = new RecordedShell().answer(qsub("openpbs"), "hangs");
    expect(await pbs({ dialect: "openpbs" }).submit(shell, job())).toEqual({
      kind: "unknown",
      why: "qsub did not answer in time",
    });
  });

  it("that prints no id has no known outcome", async () => {
    const shell = new RecordedShell().answer(qsub("openpbs"), release.get("qsub-ok-quiet-z"));
    expect(await pbs({ dialect: "openpbs" }).submit(shell, job())).toMatchObject({ kind: "unknown" });
  });

  it("without a qsub there is refused: nothing was submitted", async () => {
    const missing = said(127, "env: 'qsub': No such file or directory\n");
    expect(
      await pbs({ dialect: "torque" }).submit(new RecordedShell().answer(qsub("torque"), missing), job()),
    ).toMatchObject({ kind: "refused" });
  });

  it("with a request that no script can hold is refused by the field's name", async () => {
    const shell = new RecordedShell();
    expect(await pbs({ dialect: "openpbs" }).submit(shell, job({ partition: "a b" }))).toEqual({
      kind: "refused",
      message: expect.stringContaining("scheduler.partition"),
    });
    expect(shell.asked).toEqual([]);
  });
});

describe("a site that does not take the place for the log", () => {
  const refusal = said(32, "qsub: output paths are set by the site\n");
  const accepted = release.get("qsub-ok-stdin");

  it("gets the job without, and the user a note", async () => {
    const shell = new RecordedShell().answer(qsub("openpbs"), refusal).answer(PLAIN.openpbs, accepted);
    expect(await pbs({ dialect: "openpbs" }).submit(shell, job())).toEqual({
      kind: "submitted",
      jobId: accepted.stdout.toString().trim(),
      notes: [
        "The site does not take the place for the job's own log (output paths are set by the site); PBS puts it where it is used to",
      ],
    });
  });

  it("is heard with its first words where it refuses the job all the same", async () => {
    const shell = new RecordedShell();
    for (const argv of [qsub("openpbs"), PLAIN.openpbs]) shell.answer(argv, release.get("hook-reject-qsub"));
    expect(await pbs({ dialect: "openpbs" }).submit(shell, job())).toEqual({
      kind: "refused",
      message: 'project account required, use -A; see https://example.org/accounts for "how"',
    });
  });

  it("leaves the outcome open where it then goes down", async () => {
    const shell = new RecordedShell().answer(qsub("openpbs"), refusal).answer(PLAIN.openpbs, "hangs");
    expect(await pbs({ dialect: "openpbs" }).submit(shell, job())).toMatchObject({ kind: "unknown" });
  });
});

describe("SchedMD's qsub", () => {
  const argv = [
    "sh",
    "-c",
    'cat | "$@" /dev/stdin',
    "sh",
    "qsub",
    "-N",
    "s4k2m9x0v7qrt",
    "-r",
    "n",
    "-j",
    "'oe'",
  ].concat(["-o", "'/home/alice/My Documents/s4k2m9x0v7qrt/scheduler.log'"]);
  const failed = (words: string) =>
    said(
      1,
      "",
      `There was an error running the Slurm sbatch command.\nThe command was:\n'/usr/bin/sbatch'\nand the output was:\n'${words}\n'\n`,
    );

  it("is given the script as a file, and paths as its shell reads them", async () => {
    const shell = new RecordedShell().answer(argv, said(0, "", "17\n"));
    expect(await pbs({ dialect: "slurm" }).submit(shell, job())).toEqual({
      kind: "submitted",
      jobId: "17",
      notes: [],
    });
    expect(shell.inputs[0]).toContain("#SBATCH --job-name=s4k2m9x0v7qrt\n");
  });

  it("tells a refusal by what sbatch says", async () => {
    const words =
      "sbatch: error: invalid partition specified: nosuch\n sbatch: error: Batch job submission failed: Invalid partition name specified";
    expect(
      await pbs({ dialect: "slurm" }).submit(new RecordedShell().answer(argv, failed(words)), job()),
    ).toEqual({
      kind: "refused",
      message:
        "invalid partition specified: nosuch; Batch job submission failed: Invalid partition name specified",
    });
  });

  it("tells a controller that is down by what sbatch says", async () => {
    const words =
      "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)";
    expect(
      await pbs({ dialect: "slurm" }).submit(new RecordedShell().answer(argv, failed(words)), job()),
    ).toMatchObject({ kind: "unknown" });
  });
});
