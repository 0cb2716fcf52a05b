import { access, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { useCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { Cluster } from "./cluster.ts";
import { run } from "./command.ts";
import { HOSTS, NODES } from "./layout.ts";
import { clusterProcesses } from "./processes.ts";

const cluster = useCluster();

const isMissing = (file: string): Promise<boolean> =>
  access(file).then(
    () => false,
    () => true,
  );

/** Runs a program as ada on the controller, by ssh from the workspace. */
const login = (...command: string[]) =>
  run(["ssh", "-F", cluster().sshConfig, cluster().alias(), ...command]);

/** Whether a TCP connection from a host succeeds within a second; it need not where an address has to be found anew. */
async function reaches(host: (typeof HOSTS)[number], address: string, port: number): Promise<boolean> {
  const { code } = await cluster().exec(host, ["nc", "-z", "-w", "1", address, String(port)]);
  return code === 0;
}

describe("a user of the cluster", () => {
  test("logs in to the controller from the workspace", async () => {
    const { stdout } = await login("hostname; id --user --name; pwd");
    expect(stdout).toBe("ctl\nada\n/home/ada\n");
  });

  test("is found by a HOME whose .ssh/config knows the cluster", async () => {
    const home = await mkdtemp(join(tmpdir(), "home-"));
    await cluster().workspaceHome(home);
    const { stdout } = await run(["ssh", "-F", join(home, ".ssh/config"), cluster().alias("eve"), "id -un"]);
    expect(stdout).toBe("eve\n");
    await rm(home, { recursive: true });
  });

  test.each(NODES)("runs a job on the node %s", async (node) => {
    const { stdout } = await login(`sbatch --parsable --nodelist=${node} --wrap="hostname; id -un"`);
    const file = `slurm-${stdout.trim()}.out`;
    const lines = await eventually(
      async () => {
        const written = (await login(`cat ${file}`)).stdout.split("\n");
        return written.length > 2 ? written : undefined;
      },
      { what: "both lines of the job's output" },
    );
    expect(lines).toEqual([node, "ada", ""]);
  });

  test("submits, sees and deletes a job with the commands of PBS", async () => {
    await login("printf '#!/bin/sh\\nexec sleep infinity\\n' > pbs.sh");
    const { stdout: id } = await login("qsub -N torque -l walltime=00:05:00 -q main pbs.sh");
    await eventually(async () => / R main\s/.test((await login(`qstat ${id.trim()}`)).stdout));
    expect((await login(`qdel ${id.trim()}`)).code).toBe(0);
    await eventually(async () => (await cluster().slurm.queue()).length === 0);
  });

  test("goes from every node to the controller and to the other node by ssh", async () => {
    for (const node of NODES) {
      const { stdout, stderr } = await cluster().exec(
        node,
        ["ssh", "-o", "BatchMode=yes", "ctl", "hostname; ssh c1 hostname; ssh c2 hostname"],
        { user: "ada" },
      );
      expect({ stdout, stderr }).toEqual({ stdout: "ctl\nc1\nc2\n", stderr: "" });
    }
  });

  test("cannot read another user's home", async () => {
    const { code, stderr } = await cluster().exec("c1", ["ls", "/home/ada"], { user: "eve" });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining("Permission denied") });
  });

  test("may have another login shell", async () => {
    await cluster().setLoginShell("eve", "/bin/tcsh");
    const { stdout } = await run([
      "ssh",
      "-F",
      cluster().sshConfig,
      cluster().alias("eve"),
      "echo $tcsh $shell",
    ]);
    expect(stdout).toMatch(/^6\.\d+\.\d+ \/bin\/tcsh\n$/);
    await cluster().setLoginShell("eve", "/bin/bash");
  });

  test("is told that there is no accounting", async () => {
    const { code, stderr } = await login("sacct");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "Slurm accounting storage is disabled\n" });
  });
});

describe("the network", () => {
  test("leads from the workspace to the controller only", async () => {
    const { layout } = cluster();
    const probe = (address: string) => run(["nc", "-z", "-w", "1", address, "22"]);
    expect((await probe(layout.uplink.controller)).code).toBe(0);
    for (const node of NODES) expect((await probe(layout.address(node))).code).not.toBe(0);
  });

  test("leads from no host to the workspace", async () => {
    await using server = createServer((socket) => socket.destroy()).listen(0, "0.0.0.0");
    const address = await eventually(() => server.address());
    const port = typeof address === "object" ? address.port : Number.NaN;
    for (const host of HOSTS)
      expect(await reaches(host, cluster().layout.uplink.workspace, port)).toBe(false);
    for (const node of NODES) expect(await reaches(node, "ctl", 22)).toBe(true);
  });

  test("loses everything on a cut link, and nothing after", async () => {
    await cluster().cutLink("c1");
    expect(await reaches("c1", "ctl", 22)).toBe(false);
    expect(await reaches("ctl", "c1", 22)).toBe(false);
    expect(await reaches("c2", "ctl", 22)).toBe(true);
    await cluster().restoreLink("c1");
    await eventually(() => reaches("c1", "ctl", 22), { what: "c1 to reach the controller" });
    await cluster().cutLink("ctl");
    expect((await run(["nc", "-z", "-w", "1", cluster().layout.uplink.controller, "22"])).code).not.toBe(0);
    expect(await reaches("c2", "ctl", 22)).toBe(true);
    await cluster().restoreLink("ctl");
    expect((await login("hostname")).stdout).toBe("ctl\n");
  });
});

describe("faults", () => {
  test("a full partition makes the next job wait, with the reason", async () => {
    const full = await cluster().slurm.fill("small");
    const id = (await login("sbatch --parsable -p small --wrap hostname")).stdout.trim();
    const job = async () => (await cluster().slurm.queue()).find((one) => one.id === id);
    expect(await eventually(async () => (await job())?.reason.replace("None", "") || undefined)).toBe(
      "Resources",
    );
    expect(await job()).toMatchObject({ user: "ada", partition: "small", state: "PENDING" });
    await full[Symbol.asyncDispose]();
    await eventually(async () => (await job()) === undefined, { timeoutMs: 60_000, what: "the job to run" });
  });

  test("a stopped slurmctld cannot be asked; started again, it knows its jobs", async () => {
    await using full = await cluster().slurm.fill("main");
    await cluster().stopController();
    expect(await login("timeout 3 squeue")).toMatchObject({
      stdout: "",
      code: expect.not.toSatisfy((code) => code === 0),
    });
    await cluster().slurm.startController();
    expect(await cluster().slurm.queue()).toMatchObject([{ id: full.id, state: "RUNNING", nodes: "c[1-2]" }]);
  });

  test("the connections of one user are killed, those of another live on", async () => {
    const connection = login("sleep infinity");
    const sleeping = await eventually(async () =>
      (await cluster().processes({ host: "ctl", user: "ada" })).find(({ name }) => name === "sleep"),
    );
    expect(await cluster().killSshSessions("ctl", "eve")).toBe(0);
    expect(await cluster().killSshSessions("ctl", "ada")).toBeGreaterThan(0);
    expect((await connection).code).toBe(255);
    // Without a terminal nobody tells the program that its connection is gone.
    await eventually(async () => {
      const left = await cluster().processes({ host: "ctl", user: "ada" });
      return left.length === 1 && left[0]?.pid === sleeping.pid;
    });
    process.kill(sleeping.pid);
  });
});

describe("what is on the hosts", () => {
  test("a process is counted on its host, by its user and by its environment, wherever its parent went", async () => {
    const mark = "CLUSTER_TEST=orphan";
    const orphan = ["sh", "-c", "setsid sleep infinity </dev/null >/dev/null 2>&1 &"] as const;
    await cluster().exec("c2", orphan, { user: "eve", env: { CLUSTER_TEST: "orphan" } });
    const found = await eventually(async () => {
      const some = await cluster().processes({ host: "c2", user: "eve", environment: mark });
      return some.length === 1 && some[0]?.name === "sleep" ? some[0] : undefined;
    });
    expect(found.argv).toEqual(["sleep", "infinity"]);
    expect(await cluster().processes({ host: "c1", environment: mark })).toEqual([]);
    expect(await cluster().processes({ user: "ada", environment: mark })).toEqual([]);
    process.kill(found.pid);
  });

  test("the listeners of a host are its own", async () => {
    const tcp = async (host: (typeof HOSTS)[number]) =>
      (await cluster().listeners(host))
        .filter(({ protocol }) => protocol === "tcp")
        .map(({ address }) => address);
    expect((await tcp("ctl")).toSorted()).toEqual(["0.0.0.0:22", "0.0.0.0:6817", "[::]:22"]);
    expect((await tcp("c1")).toSorted()).toEqual(["0.0.0.0:22", "0.0.0.0:6818", "[::]:22"]);
    expect((await cluster().listeners("c1")).map(({ address }) => address)).toContain(
      "/run/munge/munge.socket.2",
    );
  });

  test("hosts share /home, and have a /tmp of their own", async () => {
    await cluster().exec("c1", ["touch", "/home/ada/shared", "/tmp/local"], { user: "ada" });
    expect((await cluster().exec("c2", ["ls", "/home/ada/shared"], { user: "ada" })).code).toBe(0);
    expect((await cluster().exec("c2", ["ls", "/tmp"])).stdout).toBe("");
    await expect(access("/tmp/local")).rejects.toThrow("ENOENT");
  });
});

describe("taking it down", () => {
  test("leaves no process, no link, no route and no directory, and another cluster as it is", async () => {
    const { layout } = await Cluster.up();
    // As by another process, after the one that brought it up has crashed.
    const orphaned = await Cluster.open(layout.directory);
    await orphaned?.exec("c1", ["sbatch", "--wrap", "exec sleep infinity"], { user: "ada" });
    await eventually(async () => (await orphaned?.slurm.queue())?.some(({ state }) => state === "RUNNING"));
    await Cluster.down(layout.directory);

    const left = (await clusterProcesses()).filter(({ hostDirectory }) =>
      hostDirectory.startsWith(layout.directory),
    );
    expect(left).toEqual([]);
    expect(await isMissing(`/sys/class/net/${layout.link}`)).toBe(true);
    expect((await run(["ip", "route", "show", layout.network])).stdout).toBe("");
    expect(await isMissing(layout.directory)).toBe(true);
    expect(await Cluster.open(layout.directory)).toBeUndefined();
    expect((await run(["getent", "passwd", "ada"])).code).toBe(2);
    expect((await login("hostname")).stdout).toBe("ctl\n");
  });

  test("leaves what others put into the directory's place", async () => {
    const directory = await mkdtemp(join(tmpdir(), "not-a-cluster-"));
    await writeFile(join(directory, "mine"), "");
    await expect(Cluster.up({ directory })).rejects.toThrow("EEXIST");
    await expect(Cluster.down(directory)).rejects.toThrow("it is not a cluster's directory");
    expect(await readdir(directory)).toEqual(["mine"]);
    await rm(directory, { recursive: true });
  });
});
