import { describe, expect, it } from "vitest";
import { Partition } from "../../../../contract/resource.ts";
import { slurm } from "../../../../agent/scheduler/slurm.ts";
import { parsePartitions } from "../../../../agent/scheduler/slurm/partitions.ts";
import { Recordings, RecordedShell } from "../../../support/recorded-shell.ts";

const recordings = new Recordings("slurm", "22.05.8");

const listed = async (name: string): Promise<Map<string, Partition>> => {
  const found = await slurm.partitions(new RecordedShell(recordings.get(name)));
  return new Map(found.map((one) => [one.name, Partition.parse(one)]));
};

describe("partitions", () => {
  it("have their limits, their nodes and their GPUs", async () => {
    const found = await listed("sinfo-idle");
    expect(found.get("normal")).toEqual({
      name: "normal",
      isDefault: true,
      state: "up",
      reason: null,
      maxWalltime: 3600,
      defaultWalltime: 600,
      nodes: { total: 1, free: 1 },
      cpusPerNode: 4,
      memoryPerNode: 1000,
      gpus: [],
    });
    // One of its two nodes does not respond: its GPUs are there, and none is free.
    expect(found.get("long")).toMatchObject({
      isDefault: false,
      maxWalltime: null,
      nodes: { total: 2, free: 1 },
      gpus: [{ type: "a100", total: 4, free: 0 }],
    });
    expect(found.get("gpu")).toMatchObject({ state: "down", reason: "None of its nodes is available" });
  });

  it("have no free nodes once something runs on each", async () => {
    expect((await listed("sinfo-busy")).get("normal")).toMatchObject({ nodes: { total: 1, free: 0 } });
  });

  it("are down, drained or inactive as an administrator set them", async () => {
    const found = await listed("sinfo-closed");
    expect(["off", "strict", "long"].map((name) => found.get(name)?.state)).toEqual([
      "down",
      "draining",
      "inactive",
    ]);
  });

  it("are not told of while the controller does not answer", async () => {
    const shell = new RecordedShell(recordings.get("down-sinfo"));
    await expect(slurm.partitions(shell)).rejects.toMatchObject({ name: "CannotAsk" });
  });

  it("count GPUs of several types, used and on several nodes, whatever is appended to them", () => {
    const rows = [
      "gpu up 2-00:00:00 1:00:00 3 mixed 64+ 512000+ gpu:a100:4(S:0-1),gpu:h100:2,nic:1 gpu:a100:1(IDX:0,2),gpu:h100:2(IDX:0-1)",
      "gpu up 2-00:00:00 1:00:00 2 idle 64 512000 gpu:8 gpu:0",
      "gpu up 2-00:00:00 1:00:00 1 drained 64 512000 gpu:8 gpu:0",
    ];
    expect(parsePartitions(rows.join("\n"))).toMatchObject([
      {
        maxWalltime: 172_800,
        nodes: { total: 6, free: 2 },
        memoryPerNode: 512_000,
        gpus: [
          { type: "a100", total: 12, free: 9 },
          { type: "h100", total: 6, free: 0 },
          { type: "gpu", total: 24, free: 16 },
        ],
      },
    ]);
  });

  it("do not know the free GPUs where the version does not tell", () => {
    expect(parsePartitions("gpu up infinite n/a 1 idle 64 512000 gpu:2")).toMatchObject([
      { gpus: [{ type: "gpu", total: 2, free: null }] },
    ]);
  });
});
