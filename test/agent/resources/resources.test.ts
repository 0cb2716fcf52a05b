import { expect, it } from "vitest";
import { sound } from "../../../agent/resources/resource.ts";
import { fitting } from "../../../agent/resources/resources.ts";
import { AgentFrame } from "../../../contract/frames.ts";
import type { Partition, Resource } from "../../../contract/resource.ts";

const partition = (name: string, changes: Partial<Partition> = {}): Partition => ({
  name,
  isDefault: false,
  state: "up",
  reason: null,
  maxWalltime: null,
  defaultWalltime: null,
  nodes: null,
  cpusPerNode: null,
  memoryPerNode: null,
  gpus: [],
  ...changes,
});

const resource = (partitions: Partition[]): Resource => ({
  name: "hopper",
  scheduler: "slurm",
  host: "login.hopper.example",
  state: "reachable",
  trouble: null,
  partitions,
  askedAt: 1_790_000_000_000,
});

const isTaken = (resources: Resource[]): boolean =>
  AgentFrame.safeParse({ type: "resources", resources }).success;

it("a partition with a number that is none does not keep the others from being told", () => {
  const odd = [{ nodes: { total: 1e30, free: 0 } }, { cpusPerNode: -1 }, { memoryPerNode: Number.NaN }];
  const listed = [partition("good"), ...odd.map((changes) => partition("odd", changes))];
  expect(isTaken([resource(listed)])).toBe(false);
  expect(sound(listed)).toEqual([partition("good")]);
});

it("a scheduler's list without an end is not told, and costs the link nothing", () => {
  const endless = [resource([partition("x".repeat(2_000_000))]), resource([])];
  expect(isTaken(endless)).toBe(false);
  expect(fitting(endless)).toEqual([resource([]), resource([])]);
  expect(fitting([resource([partition("good")])])).toEqual([resource([partition("good")])]);
});
