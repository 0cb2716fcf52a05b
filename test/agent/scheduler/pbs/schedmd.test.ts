import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { readRemains } from "../../../../agent/scheduler/pbs/remains.ts";
import { pbs } from "../../../../agent/scheduler/pbs.ts";
import type { JobStatus } from "../../../../agent/scheduler/scheduler.ts";
import type { CommandResult, Shell } from "../../../../agent/ssh/shell.ts";
import { CannotAsk } from "../../../../agent/ssh/shell.ts";
import { SessionId } from "../../../../contract/ids.ts";
import { run } from "../../../cluster/command.ts";
import { type Recording, RecordedShell, Recordings } from "../../../support/recorded-shell.ts";

const schedmd = new Recordings("pbs", "schedmd-22.05.8");
const session = SessionId.parse("s4k2m9x0v7qrt");
const idOf = (recording: Recording): string => recording.argv.at(-1) ?? "";

type Answer = { code: number; stdout?: string; stderr?: string };

/** Answers a query with a recording, and what the job has left with what stands there. */
class Host implements Shell {
  readonly #recorded: RecordedShell;
  /** What squeue says of completing jobs: of none, unless it is set. */
  squeue: Answer = { code: 0 };

  constructor(...recordings: readonly Recording[]) {
    this.#recorded = new RecordedShell(...recordings);
  }

  async run(argv: readonly [string, ...string[]]): Promise<CommandResult> {
    if (argv.includes("squeue")) {
      const { code, stdout: said = "", stderr: complaint = "" } = this.squeue;
      return { code, stdout: Buffer.from(said), stderr: complaint };
    }
    if (!argv.includes("sh")) return this.#recorded.run(argv);
    const { code, stdout, stderr } = await run(argv, { env: process.env });
    return { code, stdout: Buffer.from(stdout), stderr };
  }
}

/** A session's directory that holds these files. */
async function directoryWith(files: Record<string, string> = {}): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), "berth-pbs-"));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  const directory = join(parent, `it's "odd" $(false)`);
  await mkdir(directory);
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  return directory;
}

async function statusOf(
  recording: Recording,
  files?: Record<string, string>,
  squeue?: Answer,
): Promise<JobStatus | undefined> {
  const job = { session, jobId: idOf(recording), directory: await directoryWith(files) };
  const host = new Host(recording);
  if (squeue !== undefined) host.squeue = squeue;
  return (await pbs({ dialect: "slurm" }).status(host, [job])).get(session);
}

const ended = schedmd.get("c-qstat-f");
const canceled = schedmd.get("c-deleted-qstat-f");
const word = (text: string): Record<string, string> => ({
  "scheduler.log": `module load\nslurmstepd-c1: error: *** JOB 7 ON c1 CANCELLED AT 2026-11-23T11:47:06 ${text}***\n`,
});

describe("a job behind SchedMD's qstat", () => {
  it("is read from its text", async () => {
    expect(await statusOf(schedmd.get("r-qstat-f"))).toEqual({
      kind: "running",
      node: "c1",
      endsAt: expect.any(Number),
    });
    expect(await statusOf(schedmd.get("q-qstat-f"))).toEqual({
      kind: "queued",
      reason: 'It waits in "small"; qstat does not tell why',
    });
  });

  it.each([
    ["the script's exit code", ended, { exit: "0\n" }, { how: "completed", exitCode: 0 }],
    ["the script's exit code", ended, { exit: "7\n" }, { how: "failed", exitCode: 7 }],
    ["slurmstepd's word", canceled, word(""), { how: "canceled" }],
    ["slurmstepd's word", canceled, { ...word(""), exit: "143\n" }, { how: "canceled", exitCode: 143 }],
    ["slurmstepd's word", ended, { ...word("DUE TO TIME LIMIT "), exit: "143\n" }, { how: "timeout" }],
    [
      "slurmstepd's word",
      ended,
      word("DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS "),
      { how: "node_failure" },
    ],
    [
      "slurmstepd's word",
      ended,
      { "scheduler.log": "slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch.\n", exit: "137\n" },
      { how: "out_of_memory" },
    ],
    ["nothing", ended, {}, { how: "unknown" }],
    ["nothing that can be read", ended, { exit: "\n\n\0 7 7\n" }, { how: "unknown" }],
    [
      "the words of its own program",
      ended,
      { "scheduler.log": "CANCELLED AT\n", exit: "0\n" },
      { how: "completed" },
    ],
  ] as const)("that has ended has its end from %s", async (_from, recording, files, end) => {
    expect(await statusOf(recording, files)).toMatchObject({ kind: "ended", ...end });
  });

  it("runs while squeue says that it completes, whatever it has left so far", async () => {
    const completes = { code: 0, stdout: `${idOf(canceled)}\n` };
    expect(await statusOf(canceled, word(""), completes)).toMatchObject({ kind: "running", node: "c1" });
    expect(await statusOf(canceled, word(""), { code: 0, stdout: "70\n" })).toMatchObject({ kind: "ended" });
  });

  it.each([
    ["has forgotten it", { code: 1, stderr: "slurm_load_jobs error: Invalid job id specified\n" }],
    ["is not there", { code: 127, stderr: "env: 'squeue': No such file or directory\n" }],
  ])("has ended where squeue %s", async (_how, squeue) => {
    expect(await statusOf(canceled, word(""), squeue)).toMatchObject({ kind: "ended", how: "canceled" });
  });

  it("is unknown where squeue reaches no controller", async () => {
    const stderr = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n";
    expect(await statusOf(canceled, word(""), { code: 1, stderr })).toMatchObject({
      kind: "unknown",
      why: "Unable to contact slurm controller (connect failure)",
    });
  });

  it("that passed its walltime without a word is told by its times", async () => {
    const text = ended.stdout.toString().replace(/ctime = .*/, "ctime = Mon Nov 23 11:55:40 2026");
    expect(await statusOf({ ...ended, stdout: Buffer.from(text) })).toMatchObject({ how: "timeout" });
  });

  it("is not found where others are, and where there is none", async () => {
    const mixed = schedmd.get("mixed-unknown-qstat-f");
    const jobs = mixed.argv.slice(-3).map((jobId, index) => ({
      session: SessionId.parse(`s${String(index).padStart(12, "0")}`),
      jobId,
      directory: "/nonexistent",
    }));
    const statuses = await pbs({ dialect: "slurm" }).status(new Host(mixed), jobs);
    expect([...statuses.values()].map(({ kind }) => kind)).toEqual(["running", "not_found", "queued"]);
    expect(await statusOf(schedmd.get("unknown-qstat-f"))).toEqual({ kind: "not_found" });
  });

  it.each([255, 2, 111])("is unknown where Slurm's jobs cannot be loaded: exit %i", async (code) => {
    const failed = { ...schedmd.get("unknown-qstat-f"), code, stderr: "Problem loading jobs.\n" };
    expect(await statusOf(failed)).toMatchObject({
      kind: "unknown",
      why: expect.stringContaining("Problem loading"),
    });
  });

  it("has left nothing where the shell does not answer", async () => {
    const silent: Shell = { run: () => Promise.reject(new CannotAsk("no answer")) };
    expect(await readRemains(silent, ["/home/ada/s"])).toEqual(new Map());
  });
});

describe("SchedMD's other scripts", () => {
  it.each([
    ["qdel-running", { kind: "canceled" }],
    ["qdel-ended", { kind: "gone" }],
    ["qdel-unknown", { kind: "gone" }],
  ])("%s is read by its exit code and its silence", async (name, expected) => {
    const recording = schedmd.get(name);
    const job = { session, jobId: idOf(recording), directory: "/nonexistent" };
    expect(await pbs({ dialect: "slurm" }).cancel(new RecordedShell(recording), job)).toEqual(expected);
  });

  it("find a session's job among all of them", async () => {
    const shell = new RecordedShell(schedmd.get("list-qstat-f"));
    shell.answer(["id", "-un"], { code: 0, stdout: Buffer.from("ada\n"), stderr: "" });
    const newest = idOf(canceled);
    expect(await pbs({ dialect: "slurm" }).find(shell, { session, directory: "/nonexistent" })).toBe(newest);
  });

  it("list the partitions, and are known by the option they do not know", async () => {
    const shell = new RecordedShell(schedmd.get("qstat-Q-f"), schedmd.get("qstat-version"));
    expect(await pbs().partitions(shell)).toMatchObject([
      { name: "main", state: "up", nodes: { total: 2, free: null } },
      { name: "small", state: "up", nodes: { total: 1, free: null } },
    ]);
  });
});
