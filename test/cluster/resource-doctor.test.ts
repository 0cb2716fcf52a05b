import { execFileSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { BerthCommand, type CommandEnd } from "../support/berth-command.ts";
import { useCluster } from "../support/cluster.ts";
import { temporaryDirectory } from "../support/session-directory.ts";
import { startSshAgent } from "../support/ssh-agent.ts";
import { addArguments, fingerprintOf, hostKeyFile, sshConfig } from "./ssh-options.ts";

const HOME = "/home/ada";

const cluster = useCluster();
let berth: BerthCommand;

beforeEach(async () => {
  berth = await BerthCommand.open();
  return () => berth[Symbol.asyncDispose]();
});

const add = (config: string, ...more: string[]): Promise<CommandEnd> =>
  berth.run(...addArguments(config), ...more);

/** Runs a program as root on the controller until the test ends, then another that takes it back. */
async function meanwhile(
  does: readonly [string, ...string[]],
  undoes: readonly [string, ...string[]],
): Promise<void> {
  expect(await cluster().exec("ctl", does)).toMatchObject({ code: 0 });
  onTestFinished(async () => {
    await cluster().exec("ctl", undoes);
  });
}

/** Gives a file of the cluster's other contents until the test ends. */
async function meanwhileIn(file: string, change: (text: string) => string): Promise<void> {
  const before = await readFile(file, "utf8");
  await writeFile(file, change(before));
  onTestFinished(() => writeFile(file, before));
}

const inHome = (file: string): string => join(cluster().layout.home, "ada", file);

describe("the doctor names", () => {
  /** Adds the cluster by this configuration, and returns what was found wrong: marks, titles and remedies. */
  async function wrong(config: string, ...more: string[]): Promise<string> {
    const { stdout } = await add(config, ...more);
    return stdout
      .split(/^(?=[✓!✕])/m)
      .filter((finding) => !finding.startsWith("✓"))
      .join("");
  }

  test("a host key that has changed, with both fingerprints, and how to accept it on purpose", async () => {
    const directory = await temporaryDirectory("berth-ssh-");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(directory, "old")]);
    const old = await readFile(join(directory, "old.pub"), "utf8");
    const known = join(directory, "known_hosts");
    await writeFile(known, `${cluster().layout.uplink.controller} ${old}`);
    const config = await sshConfig(cluster(), { UserKnownHostsFile: known });

    const found = await wrong(config);
    const fingerprint = fingerprintOf(hostKeyFile(cluster()));
    expect(found).toMatch(/^✕ /);
    expect(found).toContain(fingerprintOf(join(directory, "old.pub")));
    expect(found).toContain(`--accept-host-key ${fingerprint}\n`);
    const asked = await berth.runAtTerminal(addArguments(config), "(yes/no)", "yes");
    expect(asked.code).toBe(1);
    expect(await wrong(config, "--accept-host-key", fingerprint)).toBe("");
  });

  test("an unreachable host", async () => {
    expect(await wrong(await sshConfig(cluster(), { Port: "1" }))).toMatch(
      /^✕ .*nothing listens there.*\n    See whether `ssh hpc` reaches it/,
    );
  });

  test("no key", async () => {
    const config = await sshConfig(cluster(), { IdentityFile: "/nowhere/key" });
    expect(await wrong(config)).toMatch(/^✕ .*there is no key to show it.*\n    Make a key/);
  });

  test("an agent without identities", async () => {
    const config = await sshConfig(cluster(), {
      IdentityFile: "/nowhere/key",
      IdentityAgent: await startSshAgent([]),
    });
    expect(await wrong(config)).toMatch(/^✕ .*the ssh-agent holds no key.*\n.*`ssh-add`/);
  });

  test("a key that the host does not take", async () => {
    const config = await sshConfig(cluster(), { IdentityFile: join(cluster().layout.sshDirectory, "eve") });
    expect(await wrong(config)).toMatch(/^✕ .*does not let the user "ada" in.*\n.*authorized_keys/);
  });

  test("a key with a passphrase that no agent holds", async () => {
    const key = join(await temporaryDirectory("berth-ssh-"), "key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "secret", "-f", key]);
    expect(await wrong(await sshConfig(cluster(), { IdentityFile: key }))).toMatch(
      /^✕ .*needs a passphrase.*\n.*ssh-add/,
    );
  });

  test("a full disk", async () => {
    const berthHome = `${HOME}/.berth`;
    await cluster().exec("ctl", ["mkdir", "-p", berthHome], { user: "ada" });
    const uid = String(cluster().layout.uid("ada"));
    await meanwhile(
      ["mount", "-t", "tmpfs", "-o", `size=256k,uid=${uid},mode=700`, "tmpfs", berthHome],
      ["umount", berthHome],
    );
    expect(await wrong(await sshConfig(cluster()))).toMatch(
      /^✕ the home directory is full\n    Free some room/,
    );
  });

  test("a missing sbatch", async () => {
    await meanwhile(["mount", "--bind", "/dev/null", "/usr/bin/sbatch"], ["umount", "/usr/bin/sbatch"]);
    const found = await wrong(await sshConfig(cluster()), "--scheduler", "slurm");
    expect(found).toMatch(/^✕ "sbatch" is not on the PATH of a command by ssh: it is missing/m);
  });

  test("an sbatch that only a login shell finds", async () => {
    await meanwhile(["mount", "--bind", "/dev/null", "/usr/bin/sbatch"], ["umount", "/usr/bin/sbatch"]);
    await mkdir(inHome("slurm"), { recursive: true });
    await writeFile(inHome("slurm/sbatch"), "#!/bin/sh\n", { mode: 0o755 });
    onTestFinished(() => rm(inHome("slurm"), { recursive: true }));
    await meanwhileIn(inHome(".profile"), (text) => `${text}\nPATH=$HOME/slurm:$PATH\n`);
    const found = await wrong(await sshConfig(cluster()), "--scheduler", "slurm");
    expect(found).toMatch(/^✕ "sbatch" is not on the PATH of a command by ssh, only on a login shell's/m);
    expect(found).toContain(`export PATH="${HOME}/slurm:$PATH"`);
  });

  test("tcsh as the login shell, with which all is well", async () => {
    await cluster().setLoginShell("ada", "/bin/tcsh");
    onTestFinished(() => cluster().setLoginShell("ada", "/bin/bash"));
    const { code, stdout } = await add(await sshConfig(cluster()));
    expect(stdout).toContain("✓ the login shell is /bin/tcsh");
    expect(stdout).not.toContain("✕");
    expect(code).toBe(0);
  });

  test("a .bashrc that prints, with which all else is well", async () => {
    await meanwhileIn(inHome(".bashrc"), (text) => `echo "Welcome, $USER"\n${text}`);
    const { code, stdout } = await add(await sshConfig(cluster()));
    expect(stdout).toContain("! the startup files of /bin/bash print: Welcome, ada\n");
    expect(stdout).not.toContain("✕");
    expect(code).toBe(0);
  });

  test("a .bashrc that ends the shell", async () => {
    await meanwhileIn(inHome(".bashrc"), (text) => `exit 0\n${text}`);
    expect(await wrong(await sshConfig(cluster()))).toMatch(
      /^✕ .*does not come to the command.*\n.*startup file/,
    );
  });

  test("a forwarding that the host forbids", async () => {
    await meanwhileIn(inHome(".ssh/authorized_keys"), (text) =>
      text.replaceAll(/^ssh-/gm, "no-port-forwarding ssh-"),
    );
    expect(await wrong(await sshConfig(cluster()))).toMatch(/^✕ .*\n    Ask for `AllowTcpForwarding yes`/m);
  });

  test("nodes that may not log in to the controller, with the commands that set it up", async () => {
    await meanwhileIn(inHome(".ssh/authorized_keys"), (text) => text.replace(/^.*ada@cluster\n/m, ""));
    const found = await wrong(await sshConfig(cluster()));
    expect(found).toMatch(/^! the controller does not let you in from itself.*Permission denied/m);
    expect(found).toContain("ssh-keygen -t ed25519");
    const { code, stdout } = await berth.run("resource", "doctor", "hpc", "--with-job");
    expect(stdout).toMatch(/^✕ a job on c[12] cannot reach the controller by ssh: .*Permission denied/m);
    expect(code).toBe(1);
  });
});
