import { describe, expect, it } from "vitest";
import type { PbsDialect } from "../../../../agent/scheduler/pbs/dialect.ts";
import { pbs } from "../../../../agent/scheduler/pbs.ts";
import type { JobStatus } from "../../../../agent/scheduler/scheduler.ts";
import { SessionId } from "../../../../contract/ids.ts";
import { type Recording, RecordedShell, Recordings } from "../../../support/recorded-shell.ts";

const SESSION = SessionId.parse("s4k2m9x0v7qrt");

const release = new Recordings("pbs", "openpbs-23.06.06");
const upstream = new Recordings("pbs", "openpbs-git-cd7ab5e");
const torque = new Recordings("pbs", "torque-6.1.3");

async function statusOf(shell: RecordedShell, dialect: PbsDialect, jobId: string): Promise<JobStatus> {
  const statuses = await pbs({ dialect }).status(shell, [
    { session: SESSION, jobId, directory: "/home/alice/s" },
  ]);
  const status = statuses.get(SESSION);
  if (status === undefined) throw new Error("the job has no answer");
  return status;
}

const idOf = (recording: Recording): string => recording.argv.at(-1) ?? "";

/** The times differ from one recording to the next. */
const withoutTimes = (status: JobStatus): unknown => {
  if (status.kind === "queued") return { ...status, estimatedStart: typeof status.estimatedStart };
  return status.kind === "running" ? { ...status, endsAt: typeof status.endsAt } : status;
};

const queued = (reason?: string, estimatedStart = "undefined") => ({
  kind: "queued",
  estimatedStart,
  ...(reason === undefined ? {} : { reason }),
});
const running = (node: string, endsAt = "number") => ({ kind: "running", node, endsAt });
const exited = (exitCode: number, reason = `The job's script ended with exit code ${exitCode}.`) => ({
  kind: "ended",
  how: "failed",
  exitCode,
  reason,
});
const afterSignal = (exitCode: number, signal: string) =>
  exited(
    exitCode,
    `The job's script ended with exit code ${exitCode}, as after ${signal} to one of its processes.`,
  );
const ended = (how: string, reason: string, exitCode?: number) => ({
  kind: "ended",
  how,
  reason,
  ...(exitCode === undefined ? {} : { exitCode }),
});

const NO_SHELL = exited(
  254,
  "The job's script ended with exit code 254, as when its shell is missing on the node.",
);
const DELIVERED_NOT = "The job's script ended. Its log could not be delivered.";
const COPIED_NOT = exited(4, "The job's script ended with exit code 4. Its log could not be delivered.");
const PROLOGUE =
  "could not start it on its node: the node's prologue refused it, or a file could not be made.";
const WALLTIME = ended("timeout", "It was killed because it passed its walltime.");
const DELETED = ended("canceled", "It was deleted while it ran.");
const DELETED_WAITING = ended("canceled", "It was deleted before it started.");
const MANY_CPUS = "Insufficient amount of resource: ncpus (R: 4 A: 3 T: 16)";

const OPENPBS_ALIVE: Record<string, unknown> = {
  "q-scheduling-off": queued(),
  "q-never": {
    ...queued("Can Never Run: Insufficient amount of resource: ncpus (R: 100 A: 16 T: 16)"),
    isHopeless: true,
  },
  "q-stopped-queue": queued("Queue not started."),
  "q-limit": queued("User has reached queue limited running job limit.", "number"),
  "q-estimated": queued(MANY_CPUS, "number"),
  "q-estimated2": queued(MANY_CPUS, "number"),
  "q-nodefail": queued("Insufficient amount of resource: host"),
  "q-nodedown": queued("Insufficient amount of resource: host"),
  "h-user": queued("It is held by its owner"),
  "h-prologue2": queued("It is held by the system: job held, too many failed attempts to run"),
  "h-prologue3": queued("It is held by the system: job held, too many failed attempts to run"),
  w: queued("It waits for its start time", "number"),
  "r-fresh": running("pbs01"),
  "r-twonodes": running("pbs01"),
  "r-used": running("pbs01"),
  "r-epilogue": running("pbs01"),
  "r-rerun": running("pbs01"),
  "r-after-restart": running("pbs01"),
  "nodedown-r": running("pbs02"),
  stuck: running("pbs02"),
  "s-admin": running("pbs01"),
  "s-preempted": running("pbs01"),
  e: running("pbs01"),
  "subjob-X": exited(7),
  // Its exit status is of a part of it that has failed: it is at work.
  "b-array": { kind: "running", endsAt: "number" },
};

const OPENPBS_ENDED: Record<string, unknown> = {
  "f-exit0": ended("completed", "The job's script ended.", 0),
  "f-exit3": exited(3),
  "f-exit127": exited(127),
  "f-exit255": exited(255),
  "f-exit143": afterSignal(143, "SIGTERM"),
  "f-selfkill9": afterSignal(137, "SIGKILL"),
  "f-selfkill15": afterSignal(143, "SIGTERM"),
  "f-selfsegv": afterSignal(139, "SIGSEGV"),
  "f-childkilled": afterSignal(137, "SIGKILL"),
  "f-cputkill": afterSignal(137, "SIGKILL"),
  "f-topkill9": ended(
    "failed",
    "The job's shell was ended by SIGKILL: by its owner, an administrator or its node.",
  ),
  "f-topkill15": ended(
    "failed",
    "The job's shell was ended by SIGSEGV: by its owner, an administrator or its node.",
  ),
  "f-noshell": NO_SHELL,
  "f-wallkill": WALLTIME,
  "f-walltrap": WALLTIME,
  "f-memkill": ended("out_of_memory", "It was killed because it used more memory than it had asked for."),
  "f-nodefail": ended("node_failure", "Its node was lost."),
  "f-prologue1": ended("failed", `PBS ${PROLOGUE}`),
  "f-exiting": COPIED_NOT,
  "f-badout": ended("completed", DELIVERED_NOT, 0),
  "f-deleted-queued": DELETED_WAITING,
  "f-deleted-held": DELETED_WAITING,
  "f-deleted-running": DELETED,
  "f-deltrap": ended("canceled", "It was deleted by alice@pbs01 while it ran."),
  "f-force-deleted": ended("canceled", "It was deleted by alice@pbs01 while it ran."),
  "f-deleted-by-root": ended("canceled", "It was deleted by root@pbs01 while it ran."),
  "f-stuck-forced": ended("canceled", "It was deleted by force; its node could not be asked how it ended."),
};

const TORQUE: Record<string, unknown> = {
  "q-scheduling-off": queued(),
  "q-blocked": queued("Not enough of the right type of nodes are available"),
  "q-stopped": queued(),
  "q-limit": queued(
    "PBS Error: Resource temporarily unavailable MSG=job allocation request exceeds currently available cluster nodes, 1 requested, 0 available",
  ),
  "h-user": queued("It is held by its owner"),
  "h-qhold": queued("It is held by its owner"),
  "h-depend": queued("It waits for another job: afterok:208.pbs01"),
  w: queued("It waits for its start time", "number"),
  prologue2: queued("It was started 60 times and came back, with exit status -14"),
  "r-fresh": running("pbs01"),
  "r-twonodes": running("pbs02"),
  "r-used": running("pbs01"),
  "r-copying": running("pbs01"),
  epilogue: running("pbs01"),
  "nodedown-r": running("pbs02"),
  "qdel-host-down": running("pbs02"),
  "r-after-restart": running("pbs01"),
  "dep-child": running("pbs01"),
  s: running("pbs01"),
  "c-exit0": ended("completed", "The job's script ended.", 0),
  "c-exit3": exited(3),
  "c-exit127": exited(127),
  "c-exit255": exited(255),
  "c-selfkill9": afterSignal(137, "SIGKILL"),
  "c-selfterm": afterSignal(143, "SIGTERM"),
  "c-segv": afterSignal(139, "SIGSEGV"),
  "c-noshell": NO_SHELL,
  "c-wallkill": WALLTIME,
  "c-memkill": exited(12),
  "c-vmemkill": exited(12),
  "c-cputkill": ended("timeout", "It was killed because it passed its limit of CPU time."),
  "c-exiting": COPIED_NOT,
  "c-copying": COPIED_NOT,
  "c-badout": ended("completed", DELIVERED_NOT, 0),
  "c-deltrap": DELETED,
  "c-deleted-running": DELETED,
  "c-deleted-queued": DELETED_WAITING,
  "c-deleted-held": DELETED_WAITING,
  prologue1: ended("failed", `Torque ${PROLOGUE}`),
};

describe.each([
  ["the release", release],
  ["upstream", upstream],
] as const)("a job in OpenPBS, %s", (_version, recordings) => {
  const recorded = (names: Record<string, unknown>, suffix: string) =>
    Object.entries(names).filter(([name]) => recordings.names.includes(`${name}${suffix}`));

  it.each(recorded(OPENPBS_ALIVE, "-qstat-f-json"))("%s is read from JSON", async (name, expected) => {
    const recording = recordings.get(`${name}-qstat-f-json`);
    const status = await statusOf(new RecordedShell(recording), "openpbs", idOf(recording));
    expect(withoutTimes(status)).toEqual(expected);
  });

  it.each(recorded(OPENPBS_ENDED, "-qstat-xf-json"))(
    "%s is found in the history after qstat has called it finished",
    async (name, expected) => {
      const recording = recordings.get(`${name}-qstat-xf-json`);
      const id = idOf(recording);
      const shell = new RecordedShell(recording);
      shell.answer(["qstat", "-f", "-F", "json", id], recordings.get("f-exit0-qstat-f-json"));
      expect(await statusOf(shell, "openpbs", id)).toEqual(expected);
      expect(shell.asked.map((argv) => argv.includes("-x"))).toEqual([false, true]);
    },
  );

  it.each([
    ["h-qhold", "its owner: Job held by alice"],
    ["h-operator", "an operator: Job held by root"],
  ])("%s says who holds it, and keeps no estimate of before", async (name, words) => {
    const recording = recordings.get(`${name}-qstat-f-json`);
    const status = await statusOf(new RecordedShell(recording), "openpbs", idOf(recording));
    expect(status).toEqual({ kind: "queued", reason: expect.stringContaining(`It is held by ${words} on `) });
  });

  it.each(["h-depend", "f-depend-failed", "dep-on-finished", "dep-unknown"])(
    "%s names the job it depends on",
    async (name) => {
      const [suffix, words] = name.startsWith("h-")
        ? ["f", "It waits for another job"]
        : ["xf", "did not end as needed"];
      const recording = recordings.get(`${name}-qstat-${suffix}-json`);
      const id = idOf(recording);
      const shell = new RecordedShell(recording);
      if (suffix === "xf")
        shell.answer(["qstat", "-f", "-F", "json", id], recordings.get("f-exit0-qstat-f-json"));
      const status = await statusOf(shell, "openpbs", id);
      expect(status).toMatchObject({
        reason: expect.stringMatching(new RegExp(`${words}.*afterok:\\d+\\.pbs01`)),
      });
    },
  );
});

describe("a job in OpenPBS whose JSON is spoiled", () => {
  const spoiled = release.get("name-nan-qstat-f-json");
  const asText = [
    ...Object.entries(OPENPBS_ALIVE).map(([name, expected]) => [`${name}-qstat-f`, expected, "-f"] as const),
    ...Object.entries(OPENPBS_ENDED).map(
      ([name, expected]) => [`${name}-qstat-xf`, expected, "-xf"] as const,
    ),
  ].filter(([name]) => release.names.includes(name));

  it.each(asText)("%s is read from text", async (name, expected, suffix) => {
    const recording = release.get(name);
    const id = idOf(recording).replaceAll("'", "");
    const shell = new RecordedShell();
    if (suffix === "-f") {
      shell.answer(["qstat", "-f", "-F", "json", id], spoiled).answer(["qstat", "-f", "-w", id], recording);
    } else {
      shell.answer(["qstat", "-f", "-F", "json", id], release.get("f-exit0-qstat-f-json"));
      shell.answer(["qstat", "-x", "-f", "-F", "json", id], spoiled);
      shell.answer(["qstat", "-x", "-f", "-w", id], recording);
    }
    expect(withoutTimes(await statusOf(shell, "openpbs", id))).toEqual(expected);
  });
});

describe("a job in Torque", () => {
  it.each(Object.entries(TORQUE))("%s is read from XML", async (name, expected) => {
    const recording = torque.get(`${name}-qstat-x`);
    const status = await statusOf(new RecordedShell(recording), "torque", idOf(recording));
    expect(withoutTimes(status)).toEqual(expected);
  });

  it("is told that the job it depended on failed", async () => {
    const recording = torque.get("depend-failed-qstat-x");
    expect(await statusOf(new RecordedShell(recording), "torque", idOf(recording))).toEqual(
      ended(
        "failed",
        "It was deleted because the job it depends on did not end as needed: afterok:210.pbs01.",
      ),
    );
  });
});

describe("times", () => {
  it("are asked for in UTC, whatever the cluster's zone is", async () => {
    const recording = release.get("r-fresh-qstat-f-json");
    const id = idOf(recording);
    const shell = new RecordedShell(recording);
    expect(await statusOf(shell, "openpbs", id)).toEqual({
      kind: "running",
      node: "pbs01",
      endsAt: Date.UTC(2026, 10, 22, 14, 3, 33),
    });
    expect(shell.environment).toEqual(new Set(["LC_ALL=C", "TZ=UTC0"]));
  });

  it("are seconds in Torque's XML", async () => {
    const recording = torque.get("r-fresh-qstat-x");
    const status = await statusOf(new RecordedShell(recording), "torque", idOf(recording));
    expect(status).toMatchObject({ endsAt: (1_795_356_594 + 300) * 1000 });
  });

  it("tell when a top job is expected to start", async () => {
    const recording = release.get("q-estimated-qstat-f-json");
    const status = await statusOf(new RecordedShell(recording), "openpbs", idOf(recording));
    expect(status).toMatchObject({ estimatedStart: Date.UTC(2026, 10, 22, 14, 2, 39) });
  });
});
