import { describe, expect, it } from "vitest";
import type { PbsDialect } from "../../../../agent/scheduler/pbs/dialect.ts";
import { pbs } from "../../../../agent/scheduler/pbs.ts";
import { SessionId } from "../../../../contract/ids.ts";
import { BerthError } from "../../../../contract/problem.ts";
import type { SchedulerRequest } from "../../../../contract/session.ts";

const script = (dialect: PbsDialect, request: SchedulerRequest): string =>
  pbs({ dialect }).jobScript({
    session: SessionId.parse("s4k2m9x0v7qrt"),
    directory: "/home/alice/s",
    script: "/home/alice/it's/session.sh",
    request,
  });

const directives = (dialect: PbsDialect, request: SchedulerRequest): string[] =>
  script(dialect, request)
    .split("\n")
    .filter((line) => line.startsWith("#PBS"))
    .map((line) => line.slice("#PBS ".length))
    .slice(2);

const EVERYTHING: SchedulerRequest = {
  partition: "workq",
  account: "proj-1",
  qos: "high",
  walltime: 90_061,
  nodes: 2,
  tasksPerNode: 4,
  cpusPerTask: 3,
  memory: 2048,
  gpus: 1,
  exclusive: true,
};

/** What the request is refused with. */
function refusal(
  directive: string,
  dialect: PbsDialect = "openpbs",
): { field: string | undefined; message: string } {
  try {
    script(dialect, { directives: ["-m n", directive] });
  } catch (error) {
    if (error instanceof BerthError) return { field: error.field, message: error.message };
    throw error;
  }
  throw new Error(`"${directive}" was taken`);
}

describe("a job script", () => {
  it("names the session, is never started twice, and gives way to the session's script", () => {
    expect(script("openpbs", {})).toBe(
      [
        "#!/bin/bash",
        "#PBS -N s4k2m9x0v7qrt",
        "#PBS -r n",
        String.raw`exec bash '/home/alice/it'\''s/session.sh'`,
        "",
      ].join("\n"),
    );
  });

  it("asks OpenPBS for chunks", () => {
    expect(directives("openpbs", EVERYTHING)).toEqual([
      "-q workq",
      "-A proj-1",
      "-l qos=high",
      "-l walltime=25:01:01",
      "-l select=2:ncpus=12:mpiprocs=4:mem=2048mb:ngpus=1",
      "-l place=scatter:excl",
    ]);
    expect(directives("openpbs", { memory: 100 })).toEqual(["-l select=1:mem=100mb"]);
    expect(directives("openpbs", { cpusPerTask: 2, gpus: 0 })).toEqual(["-l select=1:ncpus=2"]);
  });

  it("asks Torque for nodes, and for the memory of all of them", () => {
    expect(directives("torque", EVERYTHING)).toEqual([
      "-q workq",
      "-A proj-1",
      "-l qos=high",
      "-l walltime=25:01:01",
      "-l nodes=2:ppn=12:gpus=1",
      "-l mem=4096mb",
      "-n",
    ]);
  });

  it("asks sbatch itself behind SchedMD's qsub, which reads no GPUs and no quality of service from #PBS", () => {
    const text = script("slurm", { ...EVERYTHING, directives: ["-l file=1gb"] });
    for (const words of ["--qos=high", "--exclusive", "--partition=workq", "--mem=2048M"])
      expect(text).toContain(`#SBATCH ${words}\n`);
    expect(text.match(/^#PBS.*$/gm)).toEqual(["#PBS -l file=1gb"]);
  });

  it("refuses a name that could end its line", () => {
    for (const field of ["partition", "account", "qos"] as const)
      expect(() => script("torque", { [field]: "a b" })).toThrow(`scheduler.${field}: `);
  });
});

describe("a directive of the user's own", () => {
  it("is one #PBS line, with the prefix typed or not", () => {
    const typed = [
      "-l walltime=1:00:00 -m abe",
      "#PBS -W depend=afterok:12",
      '-v TITLE="two words"',
      "-M a@b -h",
    ];
    expect(directives("openpbs", { directives: typed })).toEqual([
      "-l walltime=1:00:00 -m abe",
      "-W depend=afterok:12",
      '-v TITLE="two words"',
      "-M a@b -h",
    ]);
  });

  it.each(
    [
      "-N x",
      "-Nx",
      "-o /tmp/x",
      "-e x",
      "-j oe",
      "-k oe",
      "-R oe",
      "-J 1-3",
      "-t 1-3",
      "-r y",
      "-I",
      "-X",
      "-C #X",
    ].concat([
      "-S /bin/tcsh",
      "-z",
      "-hz",
      "-Vo/tmp/x",
      "-m n -N x",
      '-A "a b" -N x',
      "-W block=true",
      "-Wumask=077,block=true",
    ]),
  )("is refused where it takes the session out of Berth's hands: %s", (directive) => {
    expect(refusal(directive)).toEqual({
      field: "scheduler.directives.1",
      message: expect.stringMatching(/^scheduler\.directives\.1: "-\w.*" cannot be set here: /),
    });
  });

  it.each(["--version", "-l x=1 stray", "-A 'open", "#SBATCH --mem=1", "walltime=1"])(
    "is refused where qsub takes no such line: %s",
    (directive) => {
      expect(refusal(directive)).toMatchObject({ field: "scheduler.directives.1" });
    },
  );

  it("may hold a refused letter as the value of another option", () => {
    expect(directives("openpbs", { directives: ["-A -N -v N=1"] })).toEqual(["-A -N -v N=1"]);
  });
});
