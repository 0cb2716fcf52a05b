import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SessionId } from "../../../contract/ids.ts";
import { noScheduler, none } from "../../../agent/scheduler/none.ts";
import type { JobRef, JobRequest } from "../../../agent/scheduler/scheduler.ts";
import { identify, isAlive } from "../../../agent/process-tree.ts";
import { START_LOCK } from "../../../agent/script/parts.ts";
import { CannotAsk } from "../../../agent/ssh/shell.ts";
import { eventually, eventuallyWritten } from "../../support/eventually.ts";
import { LocalShell } from "../../support/local-shell.ts";
import { itIsAScheduler } from "../../support/scheduler-conformance.ts";

const nodeName = async (): Promise<string> => (await readFile("/proc/sys/kernel/hostname", "utf8")).trim();

const temporaryHome = (): Promise<string> => mkdtemp(join(tmpdir(), "berth-none-"));

itIsAScheduler(
  "this machine",
  async (stack) => {
    const home = await temporaryHome();
    stack.defer(() => rm(home, { recursive: true }));
    const shell = new LocalShell({ home });
    let isCut = false;
    return {
      scheduler: none,
      shell: {
        run: (argv, options) =>
          isCut ? Promise.reject(new CannotAsk("Cannot reach the controller")) : shell.run(argv, options),
      },
      home,
      nodes: [await nodeName()],
      stop: async () => {
        isCut = true;
        return { [Symbol.asyncDispose]: async () => void (isCut = false) };
      },
    };
  },
  { isBatch: false },
);

describe("a session on the controller", () => {
  const session = SessionId.parse("s0123456789ab");
  const impatient = noScheduler(0);
  let home: string;
  let job: JobRequest;
  let shell: LocalShell;
  let started: JobRef[];

  beforeEach(async () => {
    home = await temporaryHome();
    shell = new LocalShell({ home });
    started = [];
    const directory = join(home, "sessions", session);
    await mkdir(directory, { recursive: true });
    job = { session, directory, script: join(directory, "session.sh"), request: {} };
  });

  afterEach(async () => {
    for (const ref of started)
      await eventually(async () => (await impatient.cancel(shell, ref)).kind === "gone");
    await rm(home, { recursive: true });
  });

  async function start(body: string): Promise<JobRef> {
    const lines = [`export BERTH_SESSION_ID=${session}`, `cd -- '${job.directory}'`, START_LOCK, body, ""];
    await writeFile(job.script, lines.join("\n"));
    const submission = await none.submit(shell, job);
    if (submission.kind !== "submitted") throw new Error(JSON.stringify(submission));
    const ref = { session, directory: job.directory, jobId: submission.jobId };
    started.push(ref);
    return ref;
  }

  const statusOf = async (ref: JobRef) => (await none.status(shell, [ref])).get(session);
  const write = (name: string, text: string) => writeFile(join(job.directory, name), text);

  it("starts once, however often it is submitted", async () => {
    const ref = await start("echo started >>starts; exec sleep infinity");
    const again = { kind: "submitted", jobId: ref.jobId, notes: [] };
    expect(await Promise.all([none.submit(shell, job), none.submit(shell, job)])).toEqual([again, again]);
    const starts = await eventuallyWritten(() => readFile(join(job.directory, "starts"), "utf8"));
    expect(starts).toBe("started\n");
  });

  it("has a session and a process group of its own, and takes INT", async () => {
    await start("cat /proc/$$/stat /proc/self/status >proc; exec sleep infinity");
    const text = await eventually(async () => {
      const read = await readFile(join(job.directory, "proc"), "utf8");
      return read.includes("SigCgt") ? read : undefined;
    });
    const [pid, , , , group, sid] = text.split(" ");
    expect([group, sid]).toEqual([pid, pid]);
    expect(/SigIgn:\s+(\w+)/.exec(text)?.[1]).toMatch(/^0+$/);
  });

  it("is refused with the script's own words where it cannot start", async () => {
    await writeFile(job.script, "echo 'no such luck' >&2; exit 74\n");
    expect(await none.submit(shell, job)).toEqual({
      kind: "refused",
      message: "Cannot start on the controller node: no such luck",
    });
    await rm(job.directory, { recursive: true });
    expect(await none.submit(shell, job)).toMatchObject({ kind: "refused" });
    await mkdir(job.directory);
  });

  it("is killed with all that carries its mark once it has not obeyed a TERM in time", async () => {
    const ref = await start(
      "trap '' TERM; setsid sleep infinity & echo $! >escaped; while :; do sleep 60; done",
    );
    const pid = await eventuallyWritten(() => readFile(join(job.directory, "escaped"), "utf8"));
    const escaped = identify(Number(pid));
    expect(await none.cancel(shell, ref)).toEqual({ kind: "canceled" });
    expect(await none.cancel(shell, ref)).toEqual({ kind: "canceled" });
    expect(await statusOf(ref)).toMatchObject({ kind: "running" });
    expect(await impatient.cancel(shell, ref)).toEqual({ kind: "canceled" });
    await eventually(async () => (await impatient.cancel(shell, ref)).kind === "gone");
    expect(await statusOf(ref)).toMatchObject({ kind: "ended", how: "canceled" });
    if (escaped === undefined) throw new Error("the one that escaped was never there");
    // Its environment, by which it is found, goes a moment before it does.
    await eventually(() => !isAlive(escaped), { what: "its end" });
  });

  it("is not another process that got its number", async () => {
    const ref = await start("exec sleep infinity");
    const other = { ...ref, jobId: `${ref.jobId.split(" ")[0]} 1` };
    expect(await statusOf(other)).toMatchObject({ kind: "ended", how: "unknown" });
  });

  it("is not ended because the agent is on another login host of the cluster", async () => {
    const ref = await start("exec sleep infinity");
    await write("host", "login9 0b9d1a2e\n");
    expect(await statusOf(ref)).toEqual({
      kind: "unknown",
      why: `It runs on "login9", and this is "${await nodeName()}": name that host`,
    });
    expect(await none.cancel(shell, ref)).toMatchObject({ kind: "unknown" });
    await write("exit", "3\n");
    expect(await statusOf(ref)).toMatchObject({ kind: "ended", exitCode: 3 });
    await rm(join(job.directory, "host"));
  });

  it("has ended when its host was restarted", async () => {
    const ref = await start("exec sleep infinity");
    await write("host", `${await nodeName()} 0b9d1a2e\n`);
    expect(await statusOf(ref)).toEqual({
      kind: "ended",
      how: "unknown",
      reason: "The controller node was restarted",
    });
    await rm(join(job.directory, "host"));
  });

  it("is unknown while its home is not there", async () => {
    const ref = { session, directory: join(home, "nowhere", session), jobId: "1 1" };
    expect(await statusOf(ref)).toMatchObject({ kind: "unknown" });
  });
});
