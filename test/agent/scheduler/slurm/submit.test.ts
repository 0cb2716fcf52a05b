import { describe, expect, it } from "vitest";
import { SessionId } from "../../../../contract/ids.ts";
import type { SchedulerRequest } from "../../../../contract/session.ts";
import type { JobRequest } from "../../../../agent/scheduler/scheduler.ts";
import { slurm } from "../../../../agent/scheduler/slurm.ts";
import { DISPENSABLE, sbatchOptions } from "../../../../agent/scheduler/slurm/options.ts";
import { Recordings, RecordedShell } from "../../../support/recorded-shell.ts";

const recordings = new Recordings("slurm", "22.05.8");
const session = SessionId.parse("s0123456789ab");

const jobOf = (request: SchedulerRequest = {}, directory = "/home/ada/s"): JobRequest => ({
  session,
  directory,
  script: `${directory}/session.sh`,
  request,
});

const sbatch = (job: JobRequest, without = DISPENSABLE.slice(0, 0)): string[] => [
  "sbatch",
  "--parsable",
  "--ignore-pbs",
  ...sbatchOptions(job, without),
];

const said = (code: number, stdout: string, stderr = "") => ({ code, stdout: Buffer.from(stdout), stderr });

describe("a job's script", () => {
  it("asks for what the session asks for", () => {
    const request = {
      partition: "gpu,long",
      account: "phys",
      qos: "normal",
      walltime: 5400,
      nodes: 2,
      tasksPerNode: 3,
      cpusPerTask: 4,
      memory: 2048,
      gpus: 1,
      exclusive: true,
      directives: ["#SBATCH --constraint=a100"],
    };
    expect(slurm.jobScript(jobOf(request)).split("\n")).toEqual([
      "#!/bin/bash",
      `#SBATCH --job-name=${session}`,
      `#SBATCH --comment=berth:${session}`,
      "#SBATCH --no-requeue",
      "#SBATCH --output=/home/ada/s/scheduler.log",
      "#SBATCH --open-mode=append",
      "#SBATCH --partition=gpu,long",
      "#SBATCH --account=phys",
      "#SBATCH --qos=normal",
      "#SBATCH --time=01:30:00",
      "#SBATCH --nodes=2",
      "#SBATCH --ntasks-per-node=3",
      "#SBATCH --cpus-per-task=4",
      "#SBATCH --mem=2048M",
      "#SBATCH --gres=gpu:1",
      "#SBATCH --exclusive",
      "#SBATCH --constraint=a100",
      "exec bash '/home/ada/s/session.sh'",
      "",
    ]);
  });

  it("leaves out what a form leaves blank", () => {
    const script = slurm.jobScript(jobOf({ partition: "", account: " ", gpus: 0, exclusive: false }));
    expect(script).not.toMatch(/partition|account|gres|exclusive/);
  });

  it("keeps a strange directory in one word, and its % is no pattern", () => {
    const script = slurm.jobScript(jobOf({}, '/home/a "b" #%j'));
    expect(script).toContain(String.raw`#SBATCH "--output=/home/a \"b\" #%%j/scheduler.log"`);
  });
});

describe("a submission", () => {
  it("is the number that sbatch prints, with the cluster of a federation", async () => {
    const job = jobOf();
    const shell = new RecordedShell().answer(sbatch(job), said(0, "12;west\n"));
    expect(await slurm.submit(shell, job)).toEqual({ kind: "submitted", jobId: "12;west", notes: [] });
    expect(shell.inputs).toEqual([slurm.jobScript(job)]);
  });

  it("goes without an option that the site refuses, and says so", async () => {
    const job = jobOf();
    const [output, comment] = DISPENSABLE;
    if (output === undefined || comment === undefined) throw new Error("nothing can be left out");
    const shell = new RecordedShell()
      .answer(sbatch(job), said(1, "", "sbatch: error: do not set --output on this cluster\n"))
      .answer(sbatch(job, [output]), said(1, "", "sbatch: error: comments are for the operators\n"))
      .answer(sbatch(job, [output, comment]), said(0, "7\n", "sbatch: warning: charged to phys\n"));
    expect(await slurm.submit(shell, job)).toEqual({
      kind: "submitted",
      jobId: "7",
      notes: [output.note, comment.note, "charged to phys"],
    });
    expect(shell.inputs.at(-1)).not.toMatch(/--output|--open-mode|--comment/);
  });

  it("is refused once nothing more can be left out", async () => {
    const job = jobOf();
    const [output] = DISPENSABLE;
    const words = said(1, "", "sbatch: error: log files are forbidden\n");
    const shell = new RecordedShell().answer(sbatch(job), words);
    if (output) shell.answer(sbatch(job, [output]), words);
    expect(await slurm.submit(shell, job)).toEqual({ kind: "refused", message: "log files are forbidden" });
  });

  it.each([
    [
      "partition",
      "invalid partition specified: nosuch; Batch job submission failed: Invalid partition name specified",
    ],
    [
      "walltime",
      "Batch job submission failed: Requested time limit is invalid (missing or exceeds some limit)",
    ],
    ["account", "Batch job submission failed: Invalid account or account/partition combination specified"],
    ["qos", "Batch job submission failed: Invalid qos specification"],
    ["feature", "Batch job submission failed: Invalid feature specification"],
    ["directive", `unrecognized option '--nosuch=1'; Try "sbatch --help" for more information`],
  ])("with a wrong %s is refused in Slurm's own words", async (name, message) => {
    const { code, stdout, stderr } = recordings.get(`sbatch-refused-${name}`);
    const job = jobOf();
    const shell = new RecordedShell().answer(sbatch(job), { code, stdout, stderr });
    expect(await slurm.submit(shell, job)).toEqual({ kind: "refused", message });
  });

  it.each([
    ["slurmctld does not answer", recordings.get("down-sbatch")],
    [
      "munge is down",
      said(
        1,
        "",
        "sbatch: error: If munged is up, restart with --num-threads=10\nsbatch: error: Munge encode failed\n",
      ),
    ],
    [
      "the answer is lost",
      said(1, "", "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation\n"),
    ],
    ["the answer has no number", said(0, "Submitted\n")],
    ["nothing is heard of it", "hangs" as const],
  ])("is unknown while %s", async (_, answer) => {
    const job = jobOf();
    const shell = new RecordedShell().answer(sbatch(job), answer);
    expect(await slurm.submit(shell, job)).toMatchObject({
      kind: "unknown",
      why: expect.stringMatching(/./),
    });
  });

  it("says which command is missing", async () => {
    const job = jobOf();
    const shell = new RecordedShell().answer(
      sbatch(job),
      said(127, "", "env: 'sbatch': No such file or directory\n"),
    );
    expect(await slurm.submit(shell, job)).toEqual({
      kind: "refused",
      message: `Cannot find "sbatch" on the controller node: put Slurm's commands on its PATH`,
    });
  });
});
