import { describe, expect, it } from "vitest";
import type { PbsDialect } from "../../../../agent/scheduler/pbs/dialect.ts";
import { pbs } from "../../../../agent/scheduler/pbs.ts";
import { CannotAsk } from "../../../../agent/ssh/shell.ts";
import { SessionId } from "../../../../contract/ids.ts";
import { RecordedShell, Recordings } from "../../../support/recorded-shell.ts";

const release = new Recordings("pbs", "openpbs-23.06.06");
const torque = new Recordings("pbs", "torque-6.1.3");

const session = SessionId.parse("s4k2m9x0v7qrt");
const living = ["qselect", "-u", "alice", "-N", session];
const past = ["qselect", "-x", "-u", "alice", "-N", session];
const said = (stdout: string, code = 0) => ({ code, stdout: Buffer.from(stdout), stderr: "" });

const host = () => new RecordedShell().answer(["id", "-un"], said("alice\n"));
const find = (shell: RecordedShell, dialect: PbsDialect) =>
  pbs({ dialect }).find(shell, { session, directory: "/home/alice/s" });

describe("the job of a session", () => {
  it("is found by its name among the living", async () => {
    expect(await find(host().answer(living, release.get("qselect-N-topjob")), "openpbs")).toBe("445.pbs01");
    expect(await find(host().answer(living, torque.get("qselect-Nblocked")), "torque")).toBe("185.pbs01");
  });

  it("is found in OpenPBS's history once it has ended", async () => {
    const shell = host().answer(living, release.get("qselect-N-nosuchname"));
    shell.answer(past, release.get("qselect-N-topjob"));
    expect(await find(shell, "openpbs")).toBe("445.pbs01");
  });

  it("is not there where neither knows it, with a history or without", async () => {
    for (const history of ["qselect-N-nosuchname", "nohist-qselect-x"]) {
      const shell = host()
        .answer(living, release.get("qselect-N-nosuchname"))
        .answer(past, release.get(history));
      expect(await find(shell, "openpbs")).toBeUndefined();
    }
    expect(await find(host().answer(living, torque.get("qselect-Nnosuch")), "torque")).toBeUndefined();
  });

  it.each([
    ["openpbs", release],
    ["torque", torque],
  ] as const)("cannot be looked for while the server is down: %s", async (dialect, recordings) => {
    await expect(find(host().answer(living, recordings.get("down-qselect")), dialect)).rejects.toThrow(
      CannotAsk,
    );
    await expect(find(host().answer(living, "hangs"), dialect)).rejects.toThrow(CannotAsk);
  });

  const listed = (id: number, owner: string, name: string) =>
    `Job Id:\t${id}\n\tJob_Name = ${name}\n\tJob_Owner = ${owner}@ctl\n\tinteractive = True\n\tjob_state = R\n\tqueue = main\n\n`;

  it("is found in SchedMD's list by its name and its owner's", async () => {
    const list = listed(7, "alice", "other") + listed(8, "alice", session) + listed(9, "eve", session);
    expect(await find(host().answer(["qstat", "-f"], said(list)), "slurm")).toBe("8");
    expect(await find(host().answer(["qstat", "-f"], said("", 153)), "slurm")).toBeUndefined();
    await expect(
      find(host().answer(["qstat", "-f"], said("Problem loading jobs.\n", 2)), "slurm"),
    ).rejects.toThrow(CannotAsk);
  });
});
