import { describe, expect, it } from "vitest";
import { detectDialect } from "../../../../agent/scheduler/pbs/dialect.ts";
import { pbs } from "../../../../agent/scheduler/pbs.ts";
import { CannotAsk } from "../../../../agent/ssh/shell.ts";
import { SessionId } from "../../../../contract/ids.ts";
import { RecordedShell, Recordings } from "../../../support/recorded-shell.ts";

const release = new Recordings("pbs", "openpbs-23.06.06");
const torque = new Recordings("pbs", "torque-6.1.3");

const VERSION = ["qstat", "--version"];
const said = (code: number, stderr: string) => ({ code, stdout: Buffer.alloc(0), stderr });
const job = { session: SessionId.parse("s4k2m9x0v7qrt"), jobId: "1.pbs01", directory: "/home/alice/s" };

describe("the dialect", () => {
  it.each([
    ["openpbs", release.get("qstat-version")],
    ["torque", torque.get("qstat-version")],
    ["slurm", said(2, "Unknown option: version\nUsage:\n    qstat [-f] [-a|-i|-r]\n")],
  ] as const)("is told by qstat's own version: %s", async (dialect, answer) => {
    expect(await detectDialect(new RecordedShell().answer(VERSION, answer))).toBe(dialect);
  });

  it.each([
    said(127, "env: 'qstat': No such file or directory\n"),
    said(1, "perl: fatal: Could not establish a configuration source\n"),
    "hangs",
  ] as const)("cannot be told from %j", async (answer) => {
    await expect(detectDialect(new RecordedShell().answer(VERSION, answer))).rejects.toThrow(CannotAsk);
  });

  it("is asked for before each question where it is not given", async () => {
    const shell = new RecordedShell(release.get("qstat-version"), release.get("r-fresh-qstat-f-json"));
    const statuses = await pbs().status(shell, [{ ...job, jobId: "428.pbs01" }]);
    expect(statuses.get(job.session)).toMatchObject({ kind: "running" });
    expect(shell.asked[0]).toEqual(VERSION);
  });

  it("that cannot be told leaves every question open", async () => {
    const shell = new RecordedShell().answer(VERSION, "hangs");
    const open = { kind: "unknown", why: "qstat did not answer in time" };
    expect(await pbs().status(shell, [job])).toEqual(new Map([[job.session, open]]));
    expect(await pbs().cancel(shell, job)).toEqual(open);
    expect(await pbs().submit(shell, { ...job, script: "/home/alice/s/session.sh", request: {} })).toEqual(
      open,
    );
    await expect(pbs().find(shell, job)).rejects.toThrow(CannotAsk);
    await expect(pbs().partitions(shell)).rejects.toThrow(CannotAsk);
  });
});
