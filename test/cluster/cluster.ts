import { once } from "node:events";
import { access, mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { eventually } from "../support/eventually.ts";
import { startAccounting } from "./accounting.ts";
import type { Argv, Ended } from "./command.ts";
import { ALIAS, fillDirectory } from "./directory.ts";
import { type ExecOptions, Host } from "./host.ts";
import { HOSTS, type HostName, Layout, SLOTS, type UserName } from "./layout.ts";
import { connect, cut, openWorkspace, restore } from "./links.ts";
import { type ClusterProcess, clusterProcesses, signal } from "./processes.ts";
import { Slurm } from "./slurm.ts";

export type { Ended } from "./command.ts";

const pid = z.number().int().positive();
const State = z.object({
  slot: z
    .number()
    .int()
    .min(0)
    .max(SLOTS - 1),
  hosts: z.object({ ctl: pid, c1: pid, c2: pid }),
});

export type ClusterOptions = {
  /** Takes everything of the cluster and must not exist; a fresh one among the temporary files unless told. */
  directory?: string;
  /** How many CPUs each compute node offers to jobs, 64 unless told. */
  cpus?: number;
  /** Whether there is accounting: `sacct` works, and an account has to be one that the user may charge. Needs MariaDB. */
  accounting?: boolean;
};

/** A socket that somebody listens on. */
export type Listener = { protocol: "tcp" | "unix"; address: string; process: string };

/** Which processes; each given condition has to hold. */
export type ProcessFilter = {
  host?: HostName;
  user?: UserName;
  /** `NAME=value` in the process's environment. */
  environment?: string;
};

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Deletes a cluster's directory. An empty one goes too; any other stays, whatever name it was given by. */
async function deleteDirectory(directory: string): Promise<void> {
  if (!(await isThere(directory))) return;
  if (await isThere(join(new Layout(directory, 0).hostDirectory("ctl"), "etc")))
    return rm(directory, { recursive: true });
  await rmdir(directory).catch((cause: unknown) => {
    throw new Error(`Cannot delete "${directory}": it is not a cluster's directory.`, { cause });
  });
}

/**
 * A slot that no cluster has. Until it is disposed of no other that is brought up meanwhile takes it; afterwards the link
 * shows whose it is.
 */
async function claimSlot(): Promise<AsyncDisposable & { slot: number }> {
  for (;;) {
    const slot = Math.floor(Math.random() * SLOTS);
    const { link } = new Layout("", slot);
    // An abstract socket, unix(7): the name is free again when this process is no more, however that ends.
    const claim = createServer().listen(`\0${link}`);
    const isOurs = await once(claim, "listening").then(
      () => true,
      () => false,
    );
    if (!isOurs) continue;
    const dispose = (): Promise<void> => claim[Symbol.asyncDispose]();
    if (!(await isThere(`/sys/class/net/${link}`))) return { slot, [Symbol.asyncDispose]: dispose };
    await dispose();
  }
}

/**
 * A real cluster on this machine: a controller and two compute nodes, each with network, hostname and mounts of its own,
 * sshd on all of them, and Slurm. It needs root. Everything that it made ends with its processes, but for its directory.
 */
export class Cluster implements AsyncDisposable {
  readonly layout: Layout;
  readonly slurm: Slurm;
  readonly #hosts: Readonly<Record<HostName, Host>>;

  private constructor(layout: Layout, hosts: Readonly<Record<HostName, Host>>) {
    this.layout = layout;
    this.#hosts = hosts;
    this.slurm = new Slurm(hosts);
  }

  /** Brings up a cluster, and is back when jobs run on it and sshd answers. A few seconds. */
  static async up(options: ClusterOptions = {}): Promise<Cluster> {
    if (process.getuid?.() !== 0)
      throw new Error("Cannot make namespaces: this user is not root. Run it as root.");
    const { cpus = 64, accounting = false } = options;
    const directory =
      options.directory === undefined
        ? await mkdtemp(join(tmpdir(), "berth-cluster-"))
        : resolve(options.directory);
    if (options.directory !== undefined) await mkdir(directory, { mode: 0o700 });
    try {
      await using claim = await claimSlot();
      const layout = new Layout(directory, claim.slot);
      await fillDirectory(layout, { cpus, accounting });
      const starting = [
        Host.start(layout, "ctl"),
        Host.start(layout, "c1"),
        Host.start(layout, "c2"),
      ] as const;
      // A host that still starts while the cluster is taken down would be missed.
      await Promise.allSettled(starting);
      const [ctl, c1, c2] = await Promise.all(starting);
      const hosts = { ctl, c1, c2 };
      await connect(layout, hosts);
      const state = { slot: layout.slot, hosts: { ctl: ctl.pid, c1: c1.pid, c2: c2.pid } };
      await writeFile(layout.stateFile, JSON.stringify(state satisfies z.infer<typeof State>));
      const cluster = new Cluster(layout, hosts);
      await Promise.all([
        cluster.slurm.start(async () => {
          if (accounting) await startAccounting(layout, ctl);
        }),
        ...HOSTS.map((host) => hosts[host].daemon(["/usr/sbin/sshd", "-E", "/var/log/sshd.log"])),
      ]);
      await eventually(() => cluster.#sshdListens(), { what: "sshd on every host" });
      return cluster;
    } catch (error) {
      await Cluster.down(directory);
      throw error;
    }
  }

  /** The cluster in a directory, brought up by another process; undefined when there is none, or not all of it lives. */
  static async open(directory: string): Promise<Cluster | undefined> {
    const text = await readFile(new Layout(resolve(directory), 0).stateFile, "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    const { slot, hosts } = State.parse(JSON.parse(text));
    const layout = new Layout(resolve(directory), slot);
    const living = await clusterProcesses();
    const lives = (host: HostName): boolean =>
      living.some((one) => one.pid === hosts[host] && one.hostDirectory === layout.hostDirectory(host));
    if (!HOSTS.every(lives)) return undefined;
    return new Cluster(layout, {
      ctl: new Host(layout, "ctl", hosts.ctl),
      c1: new Host(layout, "c1", hosts.c1),
      c2: new Host(layout, "c2", hosts.c2),
    });
  }

  /** Takes down whatever of a cluster is there, be it half made or half gone, and deletes its directory. */
  static async down(directory: string): Promise<void> {
    const hosts = join(resolve(directory), "hosts");
    await eventually(
      async () => {
        const left = (await clusterProcesses()).filter((one) => dirname(one.hostDirectory) === hosts);
        for (const one of left) signal(one.pid);
        return left.length === 0;
      },
      { timeoutMs: 30_000, what: `the end of all processes of ${directory}` },
    );
    const text = await readFile(new Layout(resolve(directory), 0).stateFile, "utf8").catch(() => undefined);
    if (text !== undefined) {
      const { link } = new Layout(directory, State.parse(JSON.parse(text)).slot);
      // It goes with the controller's namespace, which the kernel takes apart on its own time.
      await eventually(async () => !(await isThere(`/sys/class/net/${link}`)), {
        what: `the end of ${link}`,
      });
    }
    await deleteDirectory(directory);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Cluster.down(this.layout.directory);
  }

  /** An ssh_config(5) for the workspace, for `ssh -F`; it knows `alias()`. */
  get sshConfig(): string {
    return join(this.layout.sshDirectory, "config");
  }

  /** What the cluster is called in `sshConfig`, as a user of it. */
  alias(user: UserName = "ada"): string {
    return ALIAS[user];
  }

  /** Makes a directory fit for a HOME whose `~/.ssh/config` knows the cluster. */
  async workspaceHome(directory: string): Promise<void> {
    const ssh = join(directory, ".ssh");
    await mkdir(ssh, { recursive: true, mode: 0o700 });
    await writeFile(join(ssh, "config"), `Include ${this.sshConfig}\n`, { mode: 0o600 });
  }

  host(name: HostName): Host {
    return this.#hosts[name];
  }

  /** Runs a program on a host; as root unless told, with a fresh login's environment. */
  exec(host: HostName, argv: Argv, options?: ExecOptions): Promise<Ended> {
    return this.#hosts[host].exec(argv, options);
  }

  /** Gives a user another login shell, on every host and from the next login on. */
  async setLoginShell(user: UserName, shell: string): Promise<void> {
    for (const host of HOSTS) {
      const file = join(this.layout.hostDirectory(host), "etc/passwd");
      const passwd = await readFile(file, "utf8");
      // In place: a new file would not be the one that the host has mounted.
      await writeFile(file, passwd.replace(new RegExp(`^(${user}:.*:).*$`, "m"), `$1${shell}`));
    }
  }

  /**
   * Lets the nodes connect to the workspace, which they else cannot.
   * @returns the workspace's address as they know it
   */
  async openWorkspace(): Promise<string> {
    await openWorkspace(this.layout, this.#hosts);
    return this.layout.uplink.workspace;
  }

  /** Drops whatever comes and goes on a node's link; on the controller's link to the workspace. Nobody is told. */
  cutLink(host: HostName): Promise<void> {
    return cut(this.#hosts[host]);
  }

  restoreLink(host: HostName): Promise<void> {
    return restore(this.#hosts[host]);
  }

  /** Ends slurmctld, and is back when it is gone; `slurm.startController()` starts it. */
  async stopController(): Promise<void> {
    await eventually(
      async () => {
        const found = (await this.processes({ host: "ctl" })).filter(({ name }) => name === "slurmctld");
        for (const one of found) signal(one.pid, "SIGTERM");
        return found.length === 0;
      },
      { timeoutMs: 30_000, what: "the end of slurmctld" },
    );
  }

  /**
   * Kills the sshd processes that serve a user's connections to a host, the user's own programs not.
   * @returns how many they were
   */
  async killSshSessions(host: HostName, user: UserName): Promise<number> {
    // sshd.c sets the title; since OpenSSH 9.8 the program is called sshd-session.
    const title = new RegExp(`^sshd(-session)?: ${user}\\b`);
    const found = (await this.processes({ host })).filter(({ argv }) => title.test(argv[0] ?? ""));
    for (const one of found) signal(one.pid);
    return found.length;
  }

  /** What runs on the hosts, wherever its parent went. */
  async processes({ host, user, environment }: ProcessFilter = {}): Promise<ClusterProcess[]> {
    const names = host === undefined ? HOSTS : [host];
    const directories = new Set(names.map((name) => this.layout.hostDirectory(name)));
    return (await clusterProcesses()).filter(
      (one) =>
        directories.has(one.hostDirectory) &&
        (user === undefined || one.uid === this.layout.uid(user)) &&
        (environment === undefined || one.environment.includes(environment)),
    );
  }

  /** The sockets that somebody on a host listens on. */
  async listeners(host: HostName): Promise<Listener[]> {
    const output = await this.#hosts[host].mustExec(["ss", "-H", "-l", "-n", "-p", "-t", "-x"]);
    return output
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => {
        const [kind = "", , , , address = "", ...rest] = line.split(/\s+/);
        const isTcp = kind === "LISTEN" || kind === "tcp";
        return { protocol: isTcp ? "tcp" : "unix", address, process: rest.join(" ") };
      });
  }

  async #sshdListens(): Promise<boolean> {
    const listeners = await Promise.all(HOSTS.map((host) => this.listeners(host)));
    return listeners.every((some) => some.some(({ address }) => address.endsWith(":22")));
  }
}
