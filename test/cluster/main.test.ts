import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { needsCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { type Argv, run } from "./command.ts";
import { clusterProcesses } from "./processes.ts";

const Status = z.object({
  state: z.enum(["up", "down"]),
  ssh: z.string().optional(),
  hosts: z.array(z.object({ name: z.string(), pid: z.number() })).optional(),
});

let directory: string;
const main = (...parameters: string[]): Argv => [
  process.execPath,
  join(import.meta.dirname, "main.ts"),
  ...parameters,
];
const env = () => ({ ...process.env, BERTH_CLUSTER: join(directory, "cluster") });

async function ask(command: string): Promise<z.infer<typeof Status>> {
  const { code, stdout, stderr } = await run(main(command, "--json"), { env: env() });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return Status.parse(JSON.parse(stdout));
}

beforeEach(needsCluster());
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "by-hand-"));
});
afterAll(async () => {
  await run(main("down"), { env: env() });
  await rm(directory, { recursive: true });
});

test("a cluster by hand outlives the command, and is brought up once", async () => {
  const up = await ask("up");
  const [program = "", ...parameters] = (up.ssh ?? "").split(" ");
  expect((await run([program, ...parameters, "hostname"])).stdout).toBe("ctl\n");
  expect(await ask("status")).toEqual(up);
  expect(await ask("up")).toEqual(up);
});

test("one whose host died is brought up anew", async () => {
  const { hosts = [] } = await ask("status");
  const died = hosts.filter(({ name }) => name === "c1").map(({ pid }) => pid);
  for (const pid of died) process.kill(pid, "SIGKILL");
  await eventually(async () => (await clusterProcesses()).every(({ pid }) => !died.includes(pid)));
  expect(await ask("status")).toEqual({ state: "down" });
  expect((await ask("up")).state).toBe("up");
});

test("down ends it, and says so when there was none", async () => {
  expect(await ask("down")).toEqual({ state: "down" });
  expect(await readdir(directory)).toEqual([]);
  expect((await run(main("down"), { env: env() })).stdout).toBe("No cluster was up.\n");
});
