import { beforeEach, describe, expect, test } from "vitest";
import { none } from "../../agent/scheduler/none.ts";
import { pbs } from "../../agent/scheduler/pbs.ts";
import type { Scheduler } from "../../agent/scheduler/scheduler.ts";
import { slurm } from "../../agent/scheduler/slurm.ts";
import { quote } from "../../agent/script/quote.ts";
import { CannotAsk, type RunOptions, type Shell } from "../../agent/ssh/shell.ts";
import { SessionId } from "../../contract/ids.ts";
import { needsCluster } from "../support/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { itIsAScheduler } from "../support/scheduler-conformance.ts";
import { type BatchSite, sessionScript, type Site } from "../support/scheduler-site.ts";
import { Cluster } from "./cluster.ts";
import { run } from "./command.ts";

beforeEach(needsCluster());

/** ada's commands on the controller, without ssh between. */
class ControllerShell implements Shell {
  readonly #cluster: Cluster;
  /** Whether the controller cannot be reached. */
  isCut = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async run(argv: readonly [string, ...string[]], { input, timeoutMs = 60_000, signal }: RunOptions = {}) {
    if (this.isCut) throw new CannotAsk("Cannot reach the controller");
    const given = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])];
    const { code, stdout, stderr } = await this.#cluster.exec("ctl", argv, {
      user: "ada",
      signal: AbortSignal.any(given),
      ...(input === undefined ? {} : { input: String(input) }),
    });
    return { code, stdout: Buffer.from(stdout), stderr };
  }
}

async function onController(stack: AsyncDisposableStack): Promise<Site> {
  const cluster = stack.use(await Cluster.up());
  const shell = new ControllerShell(cluster);
  const stop = async (): Promise<AsyncDisposable> => {
    shell.isCut = true;
    return {
      [Symbol.asyncDispose]: async () => {
        shell.isCut = false;
      },
    };
  };
  return { scheduler: none, shell, home: "/home/ada", nodes: ["ctl"], stop };
}

/** Over Slurm, which refuses here what is over a limit instead of keeping it in the queue for ever. */
const onNodes =
  (scheduler: Scheduler, own: Pick<BatchSite, "refusals" | "hostileDirective" | "listed">) =>
  async (stack: AsyncDisposableStack): Promise<BatchSite> => {
    const cluster = stack.use(await Cluster.up());
    const root = async (command: string): Promise<void> => {
      const { code, stderr } = await cluster.exec("ctl", ["sh", "-c", command]);
      if (code !== 0) throw new Error(stderr);
    };
    await root("echo EnforcePartLimits=ALL >>/etc/slurm/slurm.conf && scontrol reconfigure");
    return {
      scheduler,
      shell: new ControllerShell(cluster),
      home: "/home/ada",
      nodes: ["c1", "c2"],
      partition: "main",
      fill: async () => {
        const job = await cluster.slurm.fill("small");
        return { partition: "small", [Symbol.asyncDispose]: () => job[Symbol.asyncDispose]() };
      },
      expire: (jobId) => root(`scontrol update jobid=${/^\d+/.exec(jobId)?.[0]} EndTime=now`),
      stop: async () => {
        await cluster.stopController();
        return { [Symbol.asyncDispose]: () => cluster.slurm.startController() };
      },
      ...own,
    };
  };

itIsAScheduler(
  "Slurm",
  onNodes(slurm, {
    refusals: [
      { what: "partition", request: { partition: "nosuch" }, words: /invalid partition specified: nosuch/ },
      { what: "walltime", request: { partition: "small", walltime: 3600 }, words: /time limit is invalid/ },
      { what: "nodes", request: { nodes: 3 }, words: /Node count specification invalid|more processors/i },
    ],
    listed: {
      isDefault: true,
      state: "up",
      reason: null,
      maxWalltime: 12 * 3600,
      defaultWalltime: 3600,
      nodes: { total: 2, free: 2 },
      cpusPerNode: 64,
      gpus: [],
    },
    hostileDirective: (command) => `#SBATCH --mail-user="$(${command})" --wckey='\`${command}\`;${command}'`,
  }),
);

itIsAScheduler(
  "PBS (SchedMD's commands over Slurm)",
  onNodes(pbs(), {
    refusals: [
      { what: "queue", request: { partition: "nosuch" }, words: /invalid partition specified: nosuch/ },
    ],
    // All that its qstat tells of a queue.
    listed: { state: "up" },
    hostileDirective: (command) => `#PBS -M "$(${command})"`,
  }),
);

itIsAScheduler("the controller node", onController, { isBatch: false });

describe("a session on the controller node", () => {
  test.each(["/bin/bash", "/bin/tcsh"])("outlives the connection that started it, from %s", async (login) => {
    await using cluster = await Cluster.up();
    await cluster.setLoginShell("ada", login);
    const ssh: Shell = {
      run: async (argv, { input } = {}) => {
        const command = argv.map(quote).join(" ");
        const options = input === undefined ? {} : { input: String(input) };
        const ended = await run(["ssh", "-F", cluster.sshConfig, cluster.alias(), command], options);
        return { ...ended, stdout: Buffer.from(ended.stdout) };
      },
    };
    const session = SessionId.parse("s0123456789ab");
    const directory = `/home/ada/${session}`;
    const job = { session, directory, script: `${directory}/session.sh`, request: {} };
    const input = sessionScript(session, directory, "exec sleep infinity");
    await ssh.run(["sh", "-c", 'mkdir "$1" && cat >"$1/session.sh"', "sh", directory], { input });

    const submission = await none.submit(ssh, job);
    if (submission.kind !== "submitted") throw new Error(JSON.stringify(submission));
    const ref = { session, directory, jobId: submission.jobId };
    await cluster.killSshSessions("ctl", "ada");
    expect((await none.status(ssh, [ref])).get(session)).toEqual({ kind: "running", node: "ctl" });
    expect(await none.find(ssh, ref)).toBe(ref.jobId);
    expect(await none.cancel(ssh, ref)).toEqual({ kind: "canceled" });
    await eventually(async () => (await none.cancel(ssh, ref)).kind === "gone");
    expect(await cluster.processes({ host: "ctl", environment: `BERTH_SESSION_ID=${session}` })).toEqual([]);
  });
});
