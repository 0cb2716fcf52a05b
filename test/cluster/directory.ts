import { randomBytes } from "node:crypto";
import { chmod, chown, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "./command.ts";
import {
  CGROUP_CONF,
  type Features,
  groupFile,
  hostsFile,
  passwdFile,
  SHADOW_FILE,
  slurmConf,
  SLURMDBD_CONF,
  SSHD_CONFIG,
} from "./etc.ts";
import { HOSTS, type Layout, USERS } from "./layout.ts";

/** The names that `ssh -F <config>` knows: the cluster as its first user, and as the second. */
export const ALIAS = { ada: "cluster", eve: "cluster-eve" } as const;

const makeKey = (file: string, comment: string): Promise<string> =>
  mustRun(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);

const publicKey = (file: string): Promise<string> => readFile(`${file}.pub`, "utf8");

async function fillHosts(layout: Layout, features: Features): Promise<void> {
  const [passwd, group] = await Promise.all([
    readFile("/etc/passwd", "utf8"),
    readFile("/etc/group", "utf8"),
  ]);
  const mungeKey = randomBytes(128);
  await Promise.all(
    HOSTS.map(async (host) => {
      const directory = layout.hostDirectory(host);
      for (const part of ["etc/slurm", "etc/ssh", "var/log", "var/spool"])
        await mkdir(join(directory, part), { recursive: true });
      await mkdir(join(directory, "etc/munge"), { mode: 0o700 });
      const put = (path: string, text: string | Buffer, mode = 0o644) =>
        writeFile(join(directory, path), text, { mode });
      await put("etc/passwd", passwdFile(layout, passwd));
      await put("etc/group", groupFile(layout, group));
      await put("etc/shadow", SHADOW_FILE, 0o600);
      await put("etc/hosts", hostsFile(layout));
      await put("etc/slurm/slurm.conf", slurmConf(layout, features));
      await put("etc/slurm/cgroup.conf", CGROUP_CONF);
      if (host === "ctl" && features.accounting) await put("etc/slurm/slurmdbd.conf", SLURMDBD_CONF, 0o600);
      await put("etc/munge/munge.key", mungeKey, 0o400);
      await put("etc/ssh/sshd_config", SSHD_CONFIG);
      await makeKey(join(directory, "etc/ssh/ssh_host_ed25519_key"), host);
    }),
  );
}

/** The workspace's key for each user, its known_hosts, and the fragment that joins them. */
async function fillSsh(layout: Layout): Promise<void> {
  const directory = layout.sshDirectory;
  await mkdir(directory, { mode: 0o700 });
  await Promise.all(USERS.map((user) => makeKey(join(directory, user), `${user}@workspace`)));
  const hostKey = await publicKey(join(layout.hostDirectory("ctl"), "etc/ssh/ssh_host_ed25519_key"));
  await writeFile(join(directory, "known_hosts"), `${layout.uplink.controller} ${hostKey}`);
  const entry = (user: (typeof USERS)[number]): string => `Host ${ALIAS[user]}
  HostName ${layout.uplink.controller}
  User ${user}
  IdentityFile ${join(directory, user)}
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile ${join(directory, "known_hosts")}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
`;
  await writeFile(join(directory, "config"), USERS.map(entry).join("\n"), { mode: 0o600 });
}

/** The users' home directories: from the workspace and from every node a key leads to the controller. */
async function fillHome(layout: Layout): Promise<void> {
  const hostKeys = await Promise.all(
    HOSTS.map(async (host) => {
      const key = await publicKey(join(layout.hostDirectory(host), "etc/ssh/ssh_host_ed25519_key"));
      return `${host},${layout.address(host)} ${key}`;
    }),
  );
  await mkdir(layout.home, { mode: 0o755 });
  for (const user of USERS) {
    const home = join(layout.home, user);
    const ssh = join(home, ".ssh");
    await mkdir(ssh, { recursive: true });
    await Promise.all([home, ssh].map((directory) => chmod(directory, 0o700)));
    await makeKey(join(ssh, "id_ed25519"), `${user}@cluster`);
    const keys = [join(ssh, "id_ed25519"), join(layout.sshDirectory, user)];
    await writeFile(join(ssh, "authorized_keys"), (await Promise.all(keys.map(publicKey))).join(""), {
      mode: 0o600,
    });
    await writeFile(join(ssh, "known_hosts"), hostKeys.join(""));
    for (const file of [".bashrc", ".profile"]) await copyFile(join("/etc/skel", file), join(home, file));
    const uid = layout.uid(user);
    await mustRun(["chown", "-R", `${uid}:${uid}`, home]);
  }
  await chown(layout.home, 0, 0);
}

/** Fills the directory of a cluster with all that its hosts and its users read. */
export async function fillDirectory(layout: Layout, features: Features): Promise<void> {
  await fillHosts(layout, features);
  await fillSsh(layout);
  await fillHome(layout);
}
