import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "../support/session-directory.ts";
import type { Cluster } from "./cluster.ts";

/**
 * An ssh configuration of the test's own, which knows the cluster as `hpc`; it goes with the test.
 * @param options of ssh_config(5), in place of what leads to the cluster without further ado
 */
export async function sshConfig(
  { layout }: Cluster,
  options: Readonly<Record<string, string>> = {},
): Promise<string> {
  const file = join(await temporaryDirectory("berth-ssh-"), "config");
  const lines = Object.entries({
    HostName: layout.uplink.controller,
    User: "ada",
    IdentityFile: join(layout.sshDirectory, "ada"),
    IdentitiesOnly: "yes",
    IdentityAgent: "none",
    UserKnownHostsFile: join(layout.sshDirectory, "known_hosts"),
    GlobalKnownHostsFile: "/dev/null",
    ...options,
  }).map(([name, value]) => `  ${name} ${value}\n`);
  await writeFile(file, `Host hpc\n${lines.join("")}`);
  return file;
}

/** What is typed after `berth` to add the cluster of such a configuration. */
export const addArguments = (config: string): string[] => [
  "resource",
  "add",
  "hpc",
  "--host",
  "hpc",
  "--ssh-config",
  config,
];

/** A public key's fingerprint, as `ssh-keygen -l` says it. */
export const fingerprintOf = (publicKey: string): string =>
  execFileSync("ssh-keygen", ["-l", "-f", publicKey], { encoding: "utf8" }).split(" ")[1] ?? "";

/** The key that the controller shows. */
export const hostKeyFile = ({ layout }: Cluster): string =>
  join(layout.hostDirectory("ctl"), "etc/ssh/ssh_host_ed25519_key.pub");
