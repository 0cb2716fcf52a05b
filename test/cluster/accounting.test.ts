import { expect, test } from "vitest";
import { useCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";

const cluster = useCluster({ accounting: true });

const ada = (...argv: [string, ...string[]]) => cluster().exec("ctl", argv, { user: "ada" });

test("sacct knows how a job ended", async () => {
  await ada("sbatch", "--wait", "--wrap", "exit 3");
  const report = ["sacct", "--noheader", "--allocations", "--parsable2"] as const;
  const line = await eventually(async () => {
    const { stdout } = await ada(...report, "--format=jobid,state,exitcode,account");
    return stdout.includes("FAILED") ? stdout : undefined;
  });
  expect(line).toBe("1|FAILED|3:0|physics\n");
});

test("an account that is not the user's is refused, in the scheduler's words", async () => {
  expect(await ada("sbatch", "--account=chemistry", "--wrap", "hostname")).toEqual({
    code: 1,
    stdout: "",
    stderr:
      "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified\n",
  });
});
