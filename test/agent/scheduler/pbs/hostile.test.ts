import { describe, expect, it } from "vitest";
import { RecordedShell, Recordings } from "../../../support/recorded-shell.ts";
import { json, kindsOf, statusesOf, text } from "./questions.ts";

const release = new Recordings("pbs", "openpbs-23.06.06");
const upstream = new Recordings("pbs", "openpbs-git-cd7ab5e");
const torque = new Recordings("pbs", "torque-6.1.3");

const SPOILED = release.get("val-all-qstat-f-json");

describe("a value that no JSON can hold", () => {
  it("spoils the list, so that all are asked for once more, in text", async () => {
    const list = release.get("list-qstat-f-w");
    const shell = new RecordedShell().answer(json("428.pbs01", "445.pbs01"), SPOILED);
    shell.answer(text("428.pbs01", "445.pbs01"), list);
    expect(await kindsOf(shell, "openpbs", "428.pbs01", "445.pbs01")).toEqual(["running", "queued"]);
    expect(shell.asked).toHaveLength(2);
  });

  it.each([
    "val-account-nan",
    "val-account-unicode",
    "val-cwd-unicode",
    "val-v-nan",
    "val-v-plus",
    "val-v-backslash",
    "name-nan",
  ])("%s is read from text", async (name) => {
    const recording = release.get(`${name}-qstat-f-json`);
    const id = recording.argv.at(-1) ?? "";
    const shell = new RecordedShell(recording).answer(text(id), release.get(`${name}-qstat-f`));
    expect(await kindsOf(shell, "openpbs", id)).toEqual(["queued"]);
  });

  it("leaves the job unknown where the text cannot be had either", async () => {
    const bad = release.get("name-5dot-qstat-f-json");
    const id = bad.argv.at(-1) ?? "";
    const shell = new RecordedShell(bad).answer(text(id), release.get("down-qstat-f-json"));
    expect(await kindsOf(shell, "openpbs", id)).toEqual(["unknown"]);
  });
});

describe("a hostile value", () => {
  const harmless = [
    "account-quotes",
    "account-null",
    "account-object",
    "account-lines",
    "v-json",
    "v-dup",
    "v-newline",
  ]
    .concat(["v-control", "v-latin1", "v-empty-last", "cwd-dquote"])
    .map((name) => `val-${name}-qstat-f-json`)
    .concat(["digits", "null", "bigint", "exp-overflow"].map((name) => `name-${name}-qstat-f-json`));

  it.each(harmless)("changes nothing in JSON: %s", async (name) => {
    for (const recordings of [release, upstream]) {
      const recording = recordings.get(name);
      expect(await statusesOf(new RecordedShell(recording), "openpbs", recording.argv.at(-1) ?? "")).toEqual([
        { kind: "queued" },
      ]);
    }
  });

  it("that forges a line of text does not end a job", async () => {
    const spoiled = release.get("name-nan-qstat-f-json");
    const forged = release.get("val-account-lines-qstat-f");
    expect(forged.stdout.toString()).toContain("\n    job_state = F\n");
    const shell = new RecordedShell().answer(json("405.pbs01"), spoiled).answer(text("405.pbs01"), forged);
    expect(await kindsOf(shell, "openpbs", "405.pbs01")).toEqual(["queued"]);
  });

  it.each(["name-html", "name-dquote", "val-account", "val-v-newline", "val-v-control", "val-v-latin1"])(
    "changes nothing in XML: %s",
    async (name) => {
      const recording = torque.get(`${name}-qstat-x`);
      expect(await kindsOf(new RecordedShell(recording), "torque", recording.argv.at(-1) ?? "")).toEqual([
        "queued",
      ]);
    },
  );

  it("does not spoil Torque's list", async () => {
    const all = torque.get("val-all-qstat-x");
    const shell = new RecordedShell().answer(["qstat", "-x", "166.pbs01", "170.pbs01", "171.pbs01"], all);
    expect(await kindsOf(shell, "torque", "166.pbs01", "170.pbs01", "171.pbs01")).toEqual(
      Array(3).fill("queued"),
    );
  });

  it("cut short in the middle of a job is no word on it", async () => {
    const whole = torque.get("c-exit0-qstat-x");
    const id = whole.argv.at(-1) ?? "";
    const stdout = whole.stdout.subarray(0, 200);
    expect(await kindsOf(new RecordedShell({ ...whole, stdout }), "torque", id)).toEqual(["unknown"]);
  });
});
