import { describe, expect, it } from "vitest";
import { pbs } from "../../../../agent/scheduler/pbs.ts";
import { CannotAsk } from "../../../../agent/ssh/shell.ts";
import { Partition } from "../../../../contract/resource.ts";
import { RecordedShell, Recordings } from "../../../support/recorded-shell.ts";

const release = new Recordings("pbs", "openpbs-23.06.06");
const upstream = new Recordings("pbs", "openpbs-git-cd7ab5e");
const torque = new Recordings("pbs", "torque-6.1.3");

const QUEUES = ["qstat", "-Q", "-f", "-F", "json"];
const NODES = ["pbsnodes", "-a", "-F", "json"];
const SERVER = ["qstat", "-B", "-f", "-F", "json"];
const said = (stdout: string, code = 0) => ({ code, stdout: Buffer.from(stdout), stderr: "" });

const all = {
  maxWalltime: null,
  defaultWalltime: null,
  gpus: [],
  state: "up",
  reason: null,
  isDefault: false,
};
const DOWN = { state: "down", reason: "It takes jobs and does not start them" };
const DRAINING = { state: "draining", reason: "It takes no new jobs" };

describe("OpenPBS's queues", () => {
  const figures = { nodes: { total: 2, free: 0 }, cpusPerNode: 8, memoryPerNode: 8192 };

  it.each([
    ["the release", release],
    ["upstream", upstream],
  ] as const)(
    "are read with their limits, their state and the nodes that serve them: %s",
    async (_name, recordings) => {
      const shell = new RecordedShell(
        ...["qstat-Q-f-json", "pbsnodes-a-F-json", "qstat-B-f-json"].map((name) => recordings.get(name)),
      );
      const partitions = await pbs({ dialect: "openpbs" }).partitions(shell);
      // In the one in the order they were made, in the other in any.
      expect(new Map(partitions.map((partition) => [partition.name, partition]))).toEqual(
        new Map(
          [
            { ...all, ...figures, name: "workq", isDefault: true },
            { ...all, ...figures, name: "short", maxWalltime: 600, defaultWalltime: 300 },
            { ...all, ...figures, name: "stopped", ...DOWN },
            { ...all, ...figures, name: "disabled", ...DRAINING },
            { ...all, ...figures, name: "limited" },
            { ...all, ...figures, name: "vip" },
            { ...all, ...figures, name: "express" },
            { ...all, name: "route", nodes: null, cpusPerNode: null, memoryPerNode: null },
          ].map((partition) => [partition.name, partition]),
        ),
      );
      expect(partitions.map((partition) => Partition.parse(partition))).toEqual(partitions);
    },
  );

  it("count the nodes that nothing runs on and that are not down", async () => {
    const shell = new RecordedShell(release.get("qstat-Q-f-json"), release.get("qstat-B-f-json"));
    shell.answer(NODES, release.get("nodedown-pbsnodes-json"));
    const [first] = await pbs({ dialect: "openpbs" }).partitions(shell);
    expect(first).toMatchObject({ nodes: { total: 2, free: 1 }, cpusPerNode: 4 });
  });

  it("bound to nodes of their own have these alone, with their GPUs", async () => {
    const node = (extra: object) => ({
      state: "free",
      resources_available: { ncpus: 8, mem: "16gb" },
      ...extra,
    });
    const nodes = {
      plain: node({}),
      gpu: node({
        queue: "gpuq",
        resources_available: { ncpus: 64, mem: "1tb", ngpus: 4 },
        resources_assigned: { ngpus: 1, ncpus: 2 },
      }),
    };
    const queue = { queue_type: "Execution", enabled: "True", started: "True" };
    const shell = new RecordedShell().answer(
      QUEUES,
      said(
        JSON.stringify({
          Queue: { workq: queue, gpuq: queue, odd: { ...queue, default_chunk: { site: "x" } } },
        }),
      ),
    );
    shell.answer(NODES, said(JSON.stringify({ nodes }))).answer(SERVER, release.get("qstat-B-f-json"));
    expect(await pbs({ dialect: "openpbs" }).partitions(shell)).toMatchObject([
      { name: "workq", nodes: { total: 1, free: 1 }, cpusPerNode: 8, memoryPerNode: 16_384, gpus: [] },
      {
        name: "gpuq",
        nodes: { total: 1, free: 0 },
        cpusPerNode: 64,
        memoryPerNode: 1_048_576,
        gpus: [{ type: "gpu", total: 4, free: 3 }],
      },
      { name: "odd", nodes: null, cpusPerNode: null },
    ]);
  });

  it("are told without figures where nodes and server are not told of", async () => {
    const shell = new RecordedShell(release.get("qstat-Q-f-json"), release.get("down-pbsnodes"));
    shell.answer(NODES, release.get("down-pbsnodes")).answer(SERVER, release.get("down-qstat-B-json"));
    const [first] = await pbs({ dialect: "openpbs" }).partitions(shell);
    expect(first).toEqual({ ...all, name: "workq", nodes: null, cpusPerNode: null, memoryPerNode: null });
  });

  it("cannot be asked for while the server is down: that is not an empty list", async () => {
    for (const answer of [release.get("down-qstat-Q-json"), "hangs"] as const)
      await expect(
        pbs({ dialect: "openpbs" }).partitions(new RecordedShell().answer(QUEUES, answer)),
      ).rejects.toThrow(CannotAsk);
  });
});

describe("Torque's queues", () => {
  it("are read from text and XML", async () => {
    const shell = new RecordedShell(torque.get("pbsnodes-x"));
    shell.answer(["qstat", "-Q", "-f", "-1"], torque.get("list-qstat-Q-f"));
    shell.answer(["qstat", "-B", "-f", "-1"], torque.get("list-qstat-B-f"));
    const figures = { nodes: { total: 2, free: 0 }, cpusPerNode: 4, memoryPerNode: 24_105 };
    expect(await pbs({ dialect: "torque" }).partitions(shell)).toEqual([
      { ...all, ...figures, name: "batch", isDefault: true, defaultWalltime: 3600 },
      { ...all, ...figures, name: "short", maxWalltime: 600 },
      { ...all, ...figures, name: "stopped", ...DOWN },
      { ...all, ...figures, name: "disabled", ...DRAINING },
      { ...all, ...figures, name: "limited" },
      { ...all, ...figures, name: "vip" },
    ]);
  });
});

describe("Torque's nodes", () => {
  it("that are down or have jobs are not free", async () => {
    const shell = new RecordedShell(torque.get("nodedown-pbsnodes-x"));
    shell.answer(["qstat", "-Q", "-f", "-1"], torque.get("list-qstat-Q-f"));
    shell.answer(["qstat", "-B", "-f", "-1"], "hangs");
    const [first] = await pbs({ dialect: "torque" }).partitions(shell);
    expect(first).toMatchObject({ name: "batch", isDefault: false, nodes: { total: 2, free: 1 } });
  });
});

describe("SchedMD's queues", () => {
  it("have a name, a state and how many nodes there are", async () => {
    const queue = (name: string, up: string) =>
      `Queue:\t${name}\n\tqueue_type = Execution\n\tresources_default.nodes = 2\n\tenabled = ${up}\n\tstarted = ${up}\n\n`;
    const shell = new RecordedShell().answer(
      ["qstat", "-Q", "-f"],
      said(queue("main", "yes") + queue("small", "no")),
    );
    expect(await pbs({ dialect: "slurm" }).partitions(shell)).toMatchObject([
      { name: "main", state: "up", nodes: { total: 2, free: null }, isDefault: false },
      { name: "small", state: "inactive" },
    ]);
  });
});
