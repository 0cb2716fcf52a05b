import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ClusterBerth } from "../support/cluster-berth.ts";
import { needsCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";

beforeEach(needsCluster());

describe("a submit whose end is not seen", { timeout: 180_000 }, () => {
  let all: ClusterBerth;

  beforeAll(async () => {
    all = await ClusterBerth.start();
  });
  afterAll(() => all[Symbol.asyncDispose]());
  afterEach(() =>
    all.cluster.exec("ctl", ["sh", "-c", "umount /usr/bin/sbatch; rm -f /home/ada/go /home/ada/.sbatch"]),
  );

  /** Puts a program before sbatch for whoever logs in on the controller. When it is counted it has the whole job in `$text`. */
  async function fakeSbatch(body: string): Promise<void> {
    const script = `#!/bin/bash\ntext=$(cat)\ncount=$(($(cat /home/ada/.sbatch 2>/dev/null) + 1))\necho $count >/home/ada/.sbatch\n${body}\n`;
    const path = join(all.cluster.layout.home, "ada", ".fake-sbatch");
    await writeFile(path, script, { mode: 0o755 });
    const mount =
      "cp -p $(readlink -f /usr/bin/sbatch) /run/sbatch; chmod 755 /run/sbatch; mount --bind /home/ada/.fake-sbatch /usr/bin/sbatch";
    const { code, stderr } = await all.cluster.exec("ctl", ["sh", "-c", mount]);
    if (code !== 0) throw new Error(stderr);
  }
  /** How often it has been called. */
  const calls = async () => (await all.cluster.exec("ctl", ["cat", "/home/ada/.sbatch"])).stdout.trim();

  it("runs once when the submit succeeds and never says so", async () => {
    await fakeSbatch('/run/sbatch "$@" <<<"$text" >/dev/null; while :; do sleep 0.2; done');
    const session = await all.launch();
    await eventually(async () => (await all.jobs(session.id)).length === 1, { what: "its job" });
    await all.killConnections();
    await all.runsOnce(session);
    expect(await calls()).toBe("1");
  });

  it("runs once when the agent is killed while its submit is still on the way to the scheduler", async () => {
    await fakeSbatch('until [[ -e ~/go ]]; do sleep 0.1; done; exec /run/sbatch "$@" <<<"$text"');
    const session = await all.launch();
    await eventually(async () => (await calls()) === "1", { what: "sbatch" });
    await all.crashAgent();
    await eventually(
      async () => (await all.berth.session(session.id)).trouble?.includes("An earlier submit"),
      { what: "word of the trouble" },
    );
    await all.cluster.exec("ctl", ["touch", "/home/ada/go"]);
    await all.runsOnce(session);
    expect(await calls()).toBe("1");
  });

  it("leaves nothing when it is canceled while its submit hangs", async () => {
    await fakeSbatch("while :; do sleep 0.2; done");
    const session = await all.launch();
    await eventually(async () => (await calls()) === "1", { what: "sbatch" });
    await all.crashAgent();
    await all.cancelWhole(session);
  });

  it("is submitted until the scheduler can be reached", async () => {
    await fakeSbatch(
      '((count > 2)) && exec /run/sbatch "$@" <<<"$text"; echo "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)" >&2; exit 1',
    );
    await all.runsOnce(await all.launch());
    expect(await calls()).toBe("3");
  });
});
