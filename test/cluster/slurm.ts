import { eventually } from "../support/eventually.ts";
import type { Host } from "./host.ts";
import { HOSTS, type HostName, NODES, type Partition, type UserName } from "./layout.ts";

/** A line of squeue(1). */
export type Job = {
  id: string;
  user: string;
  partition: string;
  /** RUNNING, PENDING, COMPLETING, … */
  state: string;
  reason: string;
  nodes: string;
  name: string;
};

const START_MS = 30_000;

/** The scheduler of a cluster, as its administrator has it. */
export class Slurm {
  readonly #hosts: Readonly<Record<HostName, Host>>;

  constructor(hosts: Readonly<Record<HostName, Host>>) {
    this.#hosts = hosts;
  }

  /**
   * Starts the daemons on fresh hosts, and is back when both nodes take jobs.
   * @param before what slurmctld has to find there
   */
  async start(before: () => Promise<void>): Promise<void> {
    const munge = ["setpriv", "--reuid=munge", "--regid=munge", "--clear-groups", "munged"] as const;
    await Promise.all(HOSTS.map((host) => this.#hosts[host].daemon(munge)));
    await before();
    await this.#hosts.ctl.daemon(["slurmctld"]);
    await Promise.all(NODES.map((node) => this.#hosts[node].daemon(["slurmd"])));
    await eventually(
      async () => (await this.#ask("sinfo", "-h", "-N", "-p", "main", "-t", "idle")).length === NODES.length,
      {
        timeoutMs: START_MS,
        what: "slurmd on both nodes",
      },
    );
  }

  /** Starts slurmctld again, and is back when it answers. */
  async startController(): Promise<void> {
    await this.#hosts.ctl.daemon(["slurmctld"]);
    await eventually(async () => (await this.#ask("scontrol", "ping"))[0]?.endsWith(" is UP"), {
      timeoutMs: START_MS,
      what: "slurmctld",
    });
  }

  /** The jobs of all users that squeue knows: waiting, running, and on their way out. */
  async queue(): Promise<Job[]> {
    const lines = await this.#ask("squeue", "--noheader", "--all", "--format=%i|%u|%P|%T|%r|%N|%j");
    return lines.map((line) => {
      const [id = "", user = "", partition = "", state = "", reason = "", nodes = "", ...name] =
        line.split("|");
      return { id, user, partition, state, reason, nodes, name: name.join("|") };
    });
  }

  /**
   * Occupies a partition with a job of somebody else's, so that the next job waits. `main` has to be empty for it.
   * @returns the job; disposed of, it is gone from the queue
   */
  async fill(partition: Partition, user: UserName = "eve"): Promise<AsyncDisposable & { id: string }> {
    const size = partition === "main" ? [`--nodes=${NODES.length}`, "--exclusive"] : ["--ntasks=1"];
    const argv = ["sbatch", "--parsable", `--partition=${partition}`, "--output=/dev/null", ...size] as const;
    const { code, stdout, stderr } = await this.#hosts.ctl.exec([...argv, "--wrap=exec sleep infinity"], {
      user,
    });
    if (code !== 0) throw new Error(`Cannot fill the partition "${partition}": ${stderr}`);
    const id = stdout.trim();
    const isThere = async (state?: string) =>
      (await this.queue()).some((job) => job.id === id && (state === undefined || job.state === state));
    const job = {
      id,
      [Symbol.asyncDispose]: async () => {
        await this.#ask("scancel", id);
        await eventually(async () => !(await isThere()), {
          timeoutMs: START_MS,
          what: `the end of job ${id}`,
        });
      },
    };
    await eventually(() => isThere("RUNNING"), { what: `job ${id} to fill "${partition}"` }).catch(
      async (error: unknown) => {
        await job[Symbol.asyncDispose]();
        throw error;
      },
    );
    return job;
  }

  /** The lines that a program says on the controller, where root runs it. */
  async #ask(program: string, ...parameters: string[]): Promise<string[]> {
    const output = await this.#hosts.ctl.mustExec([program, ...parameters]);
    return output.split("\n").filter((line) => line !== "");
  }
}
