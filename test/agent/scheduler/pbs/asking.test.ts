import { describe, expect, it } from "vitest";
import { RecordedShell, Recordings } from "../../../support/recorded-shell.ts";
import { json, kindsOf, past, pastText, statusesOf, text } from "./questions.ts";

const release = new Recordings("pbs", "openpbs-23.06.06");
const upstream = new Recordings("pbs", "openpbs-git-cd7ab5e");
const torque = new Recordings("pbs", "torque-6.1.3");

const UNKNOWN_JOB = release.get("unknown-qstat-f-json");
const FINISHED = release.get("f-exit0-qstat-f-json");

describe("a server that does not judge", () => {
  it.each([
    ["openpbs", release, "down-qstat-f-json"],
    ["openpbs", upstream, "down-qstat-f-json"],
    ["openpbs", release, "iff-qstat"],
    ["openpbs", release, "badserver-qstat"],
    ["openpbs", release, "aclhost-qstat-f-json"],
    ["openpbs", release, "acl-qstat-f-json"],
    ["openpbs", upstream, "acl-qstat-f-json"],
    ["openpbs", release, "hung-qstat"],
    ["torque", torque, "down-qstat-x"],
    ["torque", torque, "trqauthd-down-qstat"],
    ["torque", torque, "badserver-qstat"],
    ["torque", torque, "hung-qstat"],
    ["torque", torque, "hidden-qstat-x"],
  ] as const)("says nothing of a job: %s, %s, %s", async (dialect, recordings, name) => {
    const recording = recordings.get(name);
    const argv = dialect === "torque" ? ["qstat", "-x", "1.pbs01"] : json("1.pbs01");
    expect(await kindsOf(new RecordedShell().answer(argv, recording), dialect, "1.pbs01")).toEqual([
      "unknown",
    ]);
  });

  it.each(["openpbs", "torque"] as const)("says nothing when it hangs: %s", async (dialect) => {
    const argv = dialect === "torque" ? ["qstat", "-x", "1.pbs01"] : json("1.pbs01");
    expect(await statusesOf(new RecordedShell().answer(argv, "hangs"), dialect, "1.pbs01")).toEqual([
      { kind: "unknown", why: "qstat did not answer in time" },
    ]);
  });

  it("is named with its own words", async () => {
    const shell = new RecordedShell().answer(json("1.pbs01"), release.get("down-qstat-f-json"));
    expect(await statusesOf(shell, "openpbs", "1.pbs01")).toEqual([
      {
        kind: "unknown",
        why: "qstat (exit 255): Connection refused; cannot connect to server pbs01 (errno=15010)",
      },
    ]);
  });

  it("says nothing when it goes down between the first question and the history", async () => {
    const shell = new RecordedShell().answer(json("1.pbs01"), FINISHED);
    shell.answer(past("1.pbs01"), release.get("down-qstat-xf-json"));
    expect(await kindsOf(shell, "openpbs", "1.pbs01")).toEqual(["unknown"]);
  });

  it("says nothing where qstat itself is missing", async () => {
    const answer = {
      code: 127,
      stdout: Buffer.alloc(0),
      stderr: "env: 'qstat': No such file or directory\n",
    };
    expect(await kindsOf(new RecordedShell().answer(json("1"), answer), "openpbs", "1")).toEqual(["unknown"]);
  });

  it("says nothing where it is Torque's and was taken for OpenPBS's", async () => {
    const usage = torque.get("qstat-F-json");
    const shell = new RecordedShell().answer(json("1"), usage).answer(text("1"), usage);
    expect(await kindsOf(shell, "openpbs", "1")).toEqual(["unknown"]);
  });

  it("says nothing by showing no job to somebody who may not see it", async () => {
    for (const recordings of [release, upstream]) {
      const hidden = recordings.get("hidden-otherjob-qstat-f-json");
      const id = hidden.argv.at(-1) ?? "";
      expect(await kindsOf(new RecordedShell(hidden), "openpbs", id)).toEqual(["unknown"]);
    }
  });
});

describe("a job that the server does not know", () => {
  it.each([
    ["openpbs", release, "unknown-qstat-f-json"],
    ["openpbs", upstream, "unknown-qstat-f-json"],
    ["openpbs", release, "nohist-qstat-f-json"],
    ["openpbs", upstream, "nohist-qstat-f-json"],
    ["torque", torque, "unknown-qstat-x"],
    ["torque", torque, "keep0-qstat-x"],
    ["torque", torque, "qdel-p-root-qstat-x"],
  ] as const)("is not found: %s, %s, %s", async (dialect, recordings, name) => {
    const recording = recordings.get(name);
    const shell = new RecordedShell(recording);
    expect(await kindsOf(shell, dialect, recording.argv.at(-1) ?? "")).toEqual(["not_found"]);
    expect(shell.asked).toHaveLength(1);
  });
});

describe("a history that is not kept", () => {
  it.each([release, upstream])("hides no running job: the history is not asked first", async (recordings) => {
    const alive = recordings.get("nohist-running-f-json");
    const shell = new RecordedShell(alive, recordings.get("nohist-running-xf-json"));
    expect(await kindsOf(shell, "openpbs", alive.argv.at(-1) ?? "")).toEqual(["running"]);
    expect(shell.asked).toEqual([alive.argv]);
  });

  it("leaves a job ended that qstat has called finished", async () => {
    const nothing = release.get("nohist-qstat-xf-json");
    const shell = new RecordedShell().answer(json("1.pbs01"), FINISHED).answer(past("1.pbs01"), nothing);
    expect(await statusesOf(shell, "openpbs", "1.pbs01")).toEqual([
      { kind: "ended", how: "unknown", reason: "The job has finished; PBS keeps no record of how." },
    ]);
  });
});

describe("many jobs", () => {
  it("are asked for at once, by long ids and by short ones", async () => {
    const [long, short] = [release.get("some-qstat-f-json"), release.get("some-short-ids")];
    const shell = new RecordedShell(long, short);
    expect(await kindsOf(shell, "openpbs", "428.pbs01", "445.pbs01", "431.pbs01")).toEqual([
      "running",
      "queued",
      "queued",
    ]);
    expect(await kindsOf(shell, "openpbs", "428", "445")).toEqual(["running", "queued"]);
    expect(shell.asked).toEqual([long.argv, short.argv]);
  });

  it("are asked for at once in Torque, whose answer is one XML document after another", async () => {
    const both = torque.get("some-qstat-x");
    expect(await kindsOf(new RecordedShell(both), "torque", ...both.argv.slice(2))).toEqual([
      "running",
      "queued",
    ]);
  });

  it("are found by short ids in Torque", async () => {
    const short = torque.get("short-id");
    expect(await kindsOf(new RecordedShell(short), "torque", short.argv.at(-1) ?? "")).toEqual(["running"]);
  });

  it("are not asked for when there are none", async () => {
    const shell = new RecordedShell();
    expect(await kindsOf(shell, "openpbs")).toEqual([]);
    expect(shell.asked).toEqual([]);
  });

  it("are each answered where two sessions name one job", async () => {
    const one = release.get("r-fresh-qstat-f-json");
    const id = one.argv.at(-1) ?? "";
    const shell = new RecordedShell(one);
    expect(await kindsOf(shell, "openpbs", id, id)).toEqual(["running", "running"]);
    expect(shell.asked).toEqual([one.argv]);
  });

  it("are served though one is unknown", async () => {
    const mixed = release.get("mixed-unknown-json");
    const shell = new RecordedShell(mixed);
    expect(await kindsOf(shell, "openpbs", ...mixed.argv.slice(-3))).toEqual([
      "running",
      "not_found",
      "queued",
    ]);
    expect(shell.asked).toHaveLength(1);
  });

  it("are served in Torque though one is unknown", async () => {
    const mixed = torque.get("mixed-unknown-x");
    const kinds = await kindsOf(new RecordedShell(mixed), "torque", ...mixed.argv.slice(-3));
    expect(kinds).toEqual(["running", "not_found", "queued"]);
  });

  it("are asked for in text where the main branch's JSON tells of the first alone", async () => {
    const partial = upstream.get("some-qstat-f-json");
    const ids = partial.argv.slice(-3);
    const shell = new RecordedShell();
    const listed = release.get("some-qstat-f-json").argv.slice(-3);
    expect(Object.keys((JSON.parse(partial.stdout.toString()) as { Jobs: object }).Jobs)).toEqual(
      ids.slice(0, 1),
    );
    shell.answer(json("110.pbs01", ...listed.slice(1)), partial);
    shell.answer(text(...listed.slice(1)), release.get("list-qstat-f-w"));
    expect(await kindsOf(shell, "openpbs", "110.pbs01", ...listed.slice(1))).toEqual([
      "running",
      "queued",
      "queued",
    ]);
    expect(shell.asked).toHaveLength(2);
  });

  it("are served though one has finished, which the history then tells of", async () => {
    const mixed = release.get("mixed-finished-json");
    const [finished, alive] = mixed.argv.slice(-2);
    const shell = new RecordedShell(mixed, release.get("f-deleted-running-qstat-xf-json"));
    expect(await statusesOf(shell, "openpbs", finished ?? "", alive ?? "")).toMatchObject([
      { kind: "ended", how: "canceled" },
      { kind: "running" },
    ]);
  });

  it("are served though one has finished, by the main branch too", async () => {
    const mixed = upstream.get("mixed-finished-json");
    const [finished, alive] = mixed.argv.slice(-2);
    const shell = new RecordedShell(mixed, upstream.get("f-deleted-running-qstat-xf-json"));
    expect(await kindsOf(shell, "openpbs", finished ?? "", alive ?? "")).toEqual(["ended", "running"]);
  });

  it("that are not listed are asked for in the history at once, and what is open then one by one", async () => {
    const shell = new RecordedShell();
    const ended = release.get("f-exit0-qstat-xf");
    const ids = ["1.pbs01", ended.argv.at(-1) ?? ""];
    shell
      .answer(json(...ids), UNKNOWN_JOB)
      .answer(text(...ids), UNKNOWN_JOB)
      .answer(pastText(...ids), ended);
    shell.answer(json("1.pbs01"), UNKNOWN_JOB);
    expect(await kindsOf(shell, "openpbs", ...ids)).toEqual(["not_found", "ended"]);
    expect(shell.asked).toHaveLength(4);
  });

  it("are unknown when the one exit code for all says that nobody was asked", async () => {
    const shell = new RecordedShell().answer(json("1", "2"), release.get("down-qstat-f-json"));
    expect(await kindsOf(shell, "openpbs", "1", "2")).toEqual(["unknown", "unknown"]);
    expect(shell.asked).toHaveLength(1);
  });
});
