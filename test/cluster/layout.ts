import { join } from "node:path";

/** A controller, which is the login node too, and two compute nodes. */
export const HOSTS = ["ctl", "c1", "c2"] as const;
export type HostName = (typeof HOSTS)[number];
export const NODES = ["c1", "c2"] as const;

/** `ada` is who uses Berth; `eve` is somebody else on the same cluster. */
export const USERS = ["ada", "eve"] as const;
export type UserName = (typeof USERS)[number];

/** The partitions: `main` has both nodes and is the default; `small` has one CPU of c2, for ten minutes. */
export const PARTITIONS = ["main", "small"] as const;
export type Partition = (typeof PARTITIONS)[number];

/** By how many clusters a machine can have at once: each has a /24 of 198.18.0.0/15, RFC 2544's range for such nets. */
export const SLOTS = 512;

/** Where everything of one cluster is, and how it is called. All of it follows from its directory and its slot. */
export class Layout {
  readonly directory: string;
  readonly slot: number;

  constructor(directory: string, slot: number) {
    this.directory = directory;
    this.slot = slot;
  }

  /** The workspace's end of its one link, in the machine's own namespace. Who has this name has the slot. */
  get link(): string {
    return `berth-${this.slot}`;
  }

  #address(last: number): string {
    return `198.${18 + (this.slot >> 8)}.${this.slot & 255}.${last}`;
  }

  /** The /30 between the workspace and the controller. */
  get uplink(): { workspace: string; controller: string } {
    return { workspace: this.#address(1), controller: this.#address(2) };
  }

  /** The network between the hosts. The workspace is not on it. */
  get network(): string {
    return `${this.#address(128)}/25`;
  }

  /** A host's address on the network between the hosts. */
  address(host: HostName): string {
    return this.#address(129 + HOSTS.indexOf(host));
  }

  uid(user: UserName): number {
    return 70_000 + this.slot * USERS.length + USERS.indexOf(user);
  }

  /** Slurm's name of it. */
  get clusterName(): string {
    return `berth${this.slot}`;
  }

  get stateFile(): string {
    return join(this.directory, "cluster.json");
  }

  /** What the hosts' /home is. */
  get home(): string {
    return join(this.directory, "home");
  }

  /** What is mounted into a host: etc/, var/log/, var/spool/. */
  hostDirectory(host: HostName): string {
    return join(this.directory, "hosts", host);
  }

  /** What the workspace's user has for ssh: `config`, `known_hosts`, a key for each user of the cluster. */
  get sshDirectory(): string {
    return join(this.directory, "ssh");
  }
}
