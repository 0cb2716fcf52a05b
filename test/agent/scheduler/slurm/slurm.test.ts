import { describe, expect, it } from "vitest";
import { SessionId } from "../../../../contract/ids.ts";
import type { JobRef, JobStatus } from "../../../../agent/scheduler/scheduler.ts";
import { slurm } from "../../../../agent/scheduler/slurm.ts";
import { type Recording, Recordings, RecordedShell } from "../../../support/recorded-shell.ts";

// Slurm 22.05.8 with slurmdbd. `live` is of several commands: each has the command in its name but for the first.
const recordings = new Recordings("slurm", "22.05.8");

const all = (name: string): Recording[] =>
  recordings.names
    .filter((one) => one === name || one.startsWith(`${name}-`))
    .map((one) => recordings.get(one));

const sessionOf = (number: number): SessionId => SessionId.parse(`s${String(number).padStart(12, "0")}`);

/** The jobs that a recording is about: their sessions are numbered, and were asked for in this order. */
function jobsOf(name: string, sessions: readonly number[]): JobRef[] {
  const asked = recordings.get(name).argv.find((word) => word.startsWith("--jobs="));
  const ids = asked?.slice("--jobs=".length).split(",") ?? [];
  return sessions.map((number, index) => ({
    session: sessionOf(number),
    directory: "/home/ada/s",
    jobId: ids[index] ?? "0",
  }));
}

const LIVE = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/** The partitions that the order is asked of: those of the jobs that wait for their turn. */
function liveShell(order?: "hangs"): RecordedShell {
  const [listed, rivals] = all("live");
  if (listed === undefined || rivals === undefined) throw new Error("not recorded");
  return new RecordedShell(listed).answer(
    [...rivals.argv.slice(0, -1), "--partition=normal,gpu,long"],
    order ?? rivals,
  );
}

async function statuses(name: string, sessions: readonly number[]): Promise<(JobStatus | undefined)[]> {
  const jobs = jobsOf(name, sessions);
  const answers = await slurm.status(new RecordedShell(...all(name)), jobs);
  return jobs.map(({ session }) => answers.get(session));
}

describe("jobs that live", () => {
  it("wait for what Slurm says they wait for, in its order and in words", async () => {
    const jobs = jobsOf("live", LIVE);
    const answers = await slurm.status(liveShell(), jobs);
    const [running, first, second, held, begin, , limit, closed, noNode, dependent, either] = jobs.map(
      ({ session }) => answers.get(session),
    );
    expect(running).toEqual({ kind: "running", node: "c1", endsAt: expect.any(Number) });
    const estimatedStart = running?.kind === "running" ? running.endsAt : undefined;
    expect(first).toEqual({
      kind: "queued",
      reason: "It is next, and waits until enough nodes are free (Resources)",
      position: 1,
      estimatedStart,
    });
    expect(second).toMatchObject({
      reason: "Jobs of a higher priority are before it (Priority)",
      position: 2,
    });
    expect(held).toEqual({
      kind: "queued",
      reason: "You hold it: release it with scontrol release (JobHeldUser)",
    });
    expect(begin).toMatchObject({ reason: "Its earliest start time has not come yet (BeginTime)" });
    expect(limit).toEqual({
      kind: "queued",
      reason: "Its QOS has its greatest number of jobs (QOSMaxJobsPerUserLimit)",
    });
    expect(closed).toMatchObject({ reason: expect.stringContaining("The partition is down") });
    expect(noNode).toMatchObject({ reason: expect.stringMatching(/^Nodes required for job are DOWN/) });
    expect(dependent).toEqual({ kind: "queued", reason: "It waits for another job (Dependency)" });
    // It waits in two partitions, and leads in one of them.
    expect(either).toMatchObject({ kind: "queued", position: 1 });
  });

  it("are asked for in one query, and their order in one more", async () => {
    const shell = liveShell();
    await slurm.status(shell, jobsOf("live", LIVE));
    expect(shell.asked.map(([command]) => command)).toEqual(["squeue", "squeue"]);
  });

  it("keep their state where only their order cannot be asked", async () => {
    const answer = (await slurm.status(liveShell("hangs"), jobsOf("live", LIVE))).get(sessionOf(2));
    expect(answer).toMatchObject({ kind: "queued" });
    expect(answer).not.toHaveProperty("position");
  });

  it("run while they are suspended", async () => {
    expect(await statuses("suspended", [1])).toMatchObject([{ kind: "running", node: "c1" }]);
  });

  it("are not of another session that had the same number", async () => {
    const shell = new RecordedShell(...all("suspended"));
    const [job] = jobsOf("suspended", [77]);
    if (job === undefined) throw new Error("not recorded");
    const sacct = ["sacct", "--noheader", "--parsable2", "--allocations"];
    const asked = [...sacct, "--format=JobIDRaw,State,ExitCode,JobName", `--jobs=${job.jobId}`];
    shell.answer(asked, { code: 0, stdout: Buffer.from(`${job.jobId}|RUNNING|0:0|another\n`), stderr: "" });
    expect((await slurm.status(shell, [job])).get(job.session)).toEqual({ kind: "not_found" });
  });
});

describe("jobs that have ended", () => {
  const ends = [
    { kind: "ended", how: "completed", exitCode: 0, reason: "It ran to its end (COMPLETED)" },
    { kind: "ended", how: "failed", exitCode: 7, reason: "It failed with exit code 7 (FAILED)" },
    { kind: "ended", how: "failed", reason: "It failed: ended by SIGKILL (FAILED)" },
    {
      kind: "ended",
      how: "failed",
      reason: "Slurm could not start its script or open its log file (FAILED)",
    },
    { kind: "ended", how: "canceled", reason: "It was canceled by root (CANCELLED)" },
  ];

  it("are told apart while the controller remembers them", async () => {
    const lagging = { ...ends[4], reason: "It was canceled (CANCELLED)" };
    // Accounting, which alone knows by whom, has not heard of it yet.
    expect(await statuses("ended-listed", [20, 21, 22, 23, 24])).toEqual([...ends.slice(0, 4), lagging]);
  });

  it("are told apart by accounting once it has forgotten them", async () => {
    expect(await statuses("ended-forgotten", [20, 21, 22, 23, 24, 25, 26])).toEqual([
      ...ends,
      { kind: "ended", how: "timeout", reason: "Slurm ended it at its time limit (TIMEOUT)" },
      ends[4],
    ]);
  });

  it("may have lost their node", async () => {
    expect(await statuses("node-failure", [26])).toEqual([
      { kind: "ended", how: "node_failure", reason: "A node it ran on failed (NodeDown)" },
    ]);
  });
});

describe("a job that Slurm does not list", () => {
  it("is not found, alone or with others, where accounting does not know it either", async () => {
    expect(await statuses("absent", [12])).toEqual([{ kind: "not_found" }]);
    expect(await statuses("absent-two", [12, 13])).toEqual([{ kind: "not_found" }, { kind: "not_found" }]);
  });

  it("is not found where there is no accounting to ask", async () => {
    expect(recordings.get("accounting-down-sacct").code).not.toBe(0);
    expect(await statuses("accounting-down", [20])).toEqual([{ kind: "not_found" }]);
  });

  it("is unknown where the controller did not answer", async () => {
    expect(await statuses("down-squeue", [20])).toEqual([
      { kind: "unknown", why: "Unable to contact slurm controller (connect failure)" },
    ]);
  });

  it("is unknown where squeue hangs, and one cluster of a federation says nothing of another", async () => {
    const [job] = jobsOf("suspended", [1]);
    if (job === undefined) throw new Error("not recorded");
    const far = { ...job, session: sessionOf(2), jobId: "5;west" };
    const { argv } = recordings.get("suspended");
    const west = [...argv.slice(0, -1), "--clusters=west", "--jobs=5"];
    const shell = new RecordedShell(...all("suspended")).answer(west, "hangs");
    const answers = await slurm.status(shell, [job, far]);
    expect(answers.get(job.session)).toMatchObject({ kind: "running" });
    expect(answers.get(far.session)).toMatchObject({ kind: "unknown" });
  });
});

describe("a cancel", () => {
  it.each([
    ["scancel-waiting", 3, "canceled"],
    ["scancel-running", 1, "canceled"],
    ["scancel-again", 3, "gone"],
    ["scancel-never", 12, "gone"],
    ["down-scancel", 20, "unknown"],
  ])("%s", async (name, session, kind) => {
    const recording = recordings.get(name);
    const ref = { session: sessionOf(session), directory: "/home/ada/s", jobId: recording.argv.at(-1) ?? "" };
    expect(await slurm.cancel(new RecordedShell(recording), ref)).toMatchObject({ kind });
  });

  it("of another user's job is refused in Slurm's words", async () => {
    const argv = ["scancel", "--verbose", `--name=${sessionOf(1)}`, "9"];
    const stderr =
      "scancel: Terminating job 9\nscancel: error: Kill job error on job id 9: Access/permission denied\n";
    const shell = new RecordedShell().answer(argv, { code: 1, stdout: Buffer.alloc(0), stderr });
    const ref = { session: sessionOf(1), directory: "/home/ada/s", jobId: "9" };
    expect(await slurm.cancel(shell, ref)).toEqual({
      kind: "refused",
      message: "Kill job error on job id 9: Access/permission denied",
    });
  });
});

it("a session's job is found by its name", async () => {
  const shell = new RecordedShell(...all("find"));
  const listed = recordings.get("find").stdout.toString().trim().split(/\s+/)[0];
  expect(await slurm.find(shell, { session: sessionOf(1), directory: "/home/ada/s" })).toBe(listed);
});
