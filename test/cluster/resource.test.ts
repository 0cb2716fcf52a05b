import { execFileSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Berth } from "../support/berth.ts";
import { BerthCommand, type CommandEnd } from "../support/berth-command.ts";
import { useCluster } from "../support/cluster.ts";
import { NODE_ECHO } from "../support/cluster-berth.ts";
import { eventually } from "../support/eventually.ts";
import { temporaryDirectory } from "../support/session-directory.ts";
import { startSshAgent } from "../support/ssh-agent.ts";

const HOME = "/home/ada";

const cluster = useCluster();
let berth: BerthCommand;

beforeEach(async () => {
  berth = await BerthCommand.open();
  return () => berth[Symbol.asyncDispose]();
});

/** An ssh configuration of the test's own for the controller: what is said comes before what the cluster's says. */
async function sshConfig(options: Readonly<Record<string, string>>): Promise<string> {
  const file = join(await temporaryDirectory("berth-ssh-"), "config");
  const lines = Object.entries({
    HostName: cluster().layout.uplink.controller,
    User: "ada",
    IdentityFile: join(cluster().layout.sshDirectory, "ada"),
    IdentitiesOnly: "yes",
    IdentityAgent: "none",
    UserKnownHostsFile: join(cluster().layout.sshDirectory, "known_hosts"),
    GlobalKnownHostsFile: "/dev/null",
    ...options,
  }).map(([name, value]) => `  ${name} ${value}\n`);
  await writeFile(file, `Host hpc\n${lines.join("")}`);
  return file;
}

const unknownHost = (): Promise<string> => sshConfig({ UserKnownHostsFile: "/dev/null" });

const addArguments = (config: string): string[] => [
  "resource",
  "add",
  "hpc",
  "--host",
  "hpc",
  "--ssh-config",
  config,
];

const add = async (config: string, ...more: string[]): Promise<CommandEnd> =>
  berth.run(...addArguments(config), ...more);

const resourcesFile = (): Promise<string> =>
  readFile(join(berth.home, "resources.yaml"), "utf8").catch(() => "");

const fingerprintOf = (publicKey: string): string =>
  execFileSync("ssh-keygen", ["-l", "-f", publicKey], { encoding: "utf8" }).split(" ")[1] ?? "";

const hostKeyFile = (): string =>
  join(cluster().layout.hostDirectory("ctl"), "etc/ssh/ssh_host_ed25519_key.pub");

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

describe("a cluster is added", () => {
  test("when its key is in the user's known_hosts, with the scheduler that it has", async () => {
    const config = await sshConfig({});
    const { code, stdout } = await add(config, "--partition", "small", "--time", "5m", "--with-job");
    expect(stdout).toContain("✓ hpc answers and lets you in\n");
    expect(stdout).toContain("✓ Slurm answers: main, small\n");
    expect(stdout).toContain("✓ the tunnel through the controller works");
    expect(stdout).toContain("✓ c2 lets a job reach the controller by ssh\n");
    expect(stdout).not.toMatch(/^[!✕]/m);
    expect(code).toBe(0);
    expect(await resourcesFile()).toBe(
      `hpc:\n  host: hpc\n  sshConfig: ${config}\n  scheduler: slurm\n  defaults:\n    partition: small\n    walltime: 5m\n`,
    );
    const left = await cluster().exec("ctl", ["ls", `${HOME}/.berth`]);
    expect(left.stdout).toBe("");
  });

  test("without a terminal: never silently, and by its key's fingerprint", async () => {
    const config = await unknownHost();
    const refused = await add(config);
    const fingerprint = fingerprintOf(hostKeyFile());
    expect(refused.code).toBe(1);
    expect(refused.stdout).toContain(`--accept-host-key ${fingerprint}\n`);
    expect(await resourcesFile()).toBe("");

    const wrong = await add(config, "--accept-host-key", "SHA256:another");
    expect(wrong.code).toBe(1);
    const right = await add(config, "--accept-host-key", fingerprint);
    expect(right.stdout).toContain("hpc is in ");
    expect(right.code).toBe(0);
    expect(await readFile(join(berth.home, "known_hosts"), "utf8")).toContain("ssh-ed25519 ");
  });

  test("at a terminal by `yes` alone", async () => {
    const config = await unknownHost();
    const question = "(yes/no)";
    const no = await berth.runAtTerminal(addArguments(config), question, "y");
    expect(no.stdout).toContain(fingerprintOf(hostKeyFile()));
    expect(no.code).toBe(1);
    expect(await resourcesFile()).toBe("");
    const yes = await berth.runAtTerminal(addArguments(config), question, "yes");
    expect(yes.stdout).toContain("hpc is in ");
    expect(yes.code).toBe(0);
  });

  test("with PBS where Slurm has the commands of PBS, if that is said", async () => {
    const { code, stdout } = await add(await sshConfig({}), "--scheduler", "pbs", "--with-job");
    expect(stdout).toMatch(/^✓ PBS answers: /m);
    expect(stdout).toMatch(/^✓ c[12] lets a job reach the controller by ssh$/m);
    expect(code).toBe(0);
    expect(await resourcesFile()).toContain("scheduler: pbs\n");
  });

  test("nevertheless, with --force", async () => {
    const config = await sshConfig({ Port: "1" });
    expect((await add(config, "--force")).stderr).toContain("--scheduler and --force");
    const { code, stdout } = await add(config, "--force", "--scheduler", "slurm");
    expect(stdout).toMatch(/^✕ /m);
    expect(code).toBe(0);
    expect(await resourcesFile()).toContain("scheduler: slurm\n");
  });

  test("as JSON", async () => {
    const { code, stdout } = await add(await sshConfig({}), "--json");
    expect(JSON.parse(stdout)).toMatchObject({ name: "hpc", scheduler: "slurm", isWritten: true });
    expect(code).toBe(0);
  });
});

describe("a cluster that was added", () => {
  beforeEach(async () => {
    expect((await add(await sshConfig({}))).code).toBe(0);
  });

  test("is listed", async () => {
    const { stdout } = await berth.run("resource", "list");
    expect(stdout).toMatch(/^hpc +hpc +slurm +not asked yet$/m);
    const json = await berth.run("resource", "list", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject([{ name: "hpc", scheduler: "slurm", state: "unasked" }]);
    expect((await berth.run("doctor")).stdout).toContain("berth resource doctor hpc");
  });

  test("is looked at again, and all is well", async () => {
    const { code, stdout } = await berth.run("resource", "doctor");
    expect(stdout).toMatch(/^hpc \(hpc\)$/m);
    expect(stdout).not.toMatch(/^[!✕]/m);
    expect(code).toBe(0);
  });

  test("cannot be added again, and is removed", async () => {
    expect((await berth.run("resource", "add", "hpc", "--host", "hpc")).stderr).toContain("has it already");
    expect((await berth.run("resource", "remove", "hpc")).code).toBe(0);
    expect((await berth.run("resource", "list")).stdout).toContain("No cluster is set up");
    expect((await berth.run("resource", "remove", "hpc")).stderr).toContain(`Cannot remove "hpc"`);
  });

  test("is not removed while a session lives on it, unless by force", async () => {
    const id = "s4k2m9x0v7qrt";
    const spec = { id, name: "one", service: "webshell", placement: "compute", resource: "hpc" };
    const record = {
      version: 1,
      phase: "submitted",
      want: "run",
      spec: { ...spec, inputs: {}, createdAt: 1 },
    };
    await mkdir(join(berth.home, "sessions", id), { recursive: true });
    await writeFile(join(berth.home, "sessions", id, "record.json"), JSON.stringify(record));
    const refused = await berth.run("resource", "remove", "hpc");
    expect(refused.stderr).toContain(`Cannot remove "hpc": a session lives on it: ${id}`);
    expect(refused.code).toBe(1);
    expect((await berth.run("resource", "remove", "hpc", "--force")).code).toBe(0);
  });
});

describe("beside a Berth that runs", () => {
  test("a cluster is followed, launched on, and kept while a session is there", async () => {
    await using running = await Berth.start({ services: { echo: NODE_ECHO } });
    const command = BerthCommand.beside(running);
    const config = await sshConfig({});
    expect((await command.run(...addArguments(config))).code).toBe(0);
    await eventually(async () => / reachable$/m.test((await command.run("resource", "list")).stdout), {
      timeoutMs: 30_000,
      what: "the agent to have reached the cluster",
    });

    const job = ["--partition", "small", "--time", "5m"];
    const launched = await command.run("launch", "echo", "--resource", "hpc", ...job);
    expect(launched.stderr).not.toContain("berth:");
    const id = /^s\w{12}/.exec(launched.stdout)?.[0] ?? "";
    expect(launched.stdout).toMatch(/^s\w{12} {2}running$/m);
    expect((await command.run("list")).stdout).toMatch(/ hpc \(c2\) +\d+ +[45] m .* running$/m);
    const { stdout } = await command.run("status", id);
    expect(stdout).toMatch(/^runs on +hpc \(c2\)$/m);
    expect(stdout).toMatch(/^job +\d+$/m);

    const refused = await command.run("resource", "remove", "hpc");
    expect(refused.stderr).toContain(`a session lives on it: ${id}`);
    expect((await command.run("cancel", id)).code).toBe(0);
    expect((await command.run("resource", "remove", "hpc")).code).toBe(0);
  });

  test("a launch on a cluster that there is not is refused", async () => {
    await using running = await Berth.start();
    const refused = await BerthCommand.beside(running).run("launch", "webshell", "--resource", "nowhere");
    expect(refused.stderr).toContain(`Cannot launch on "nowhere": there is no such resource`);
    expect(refused.code).toBe(1);
  });
});

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
    const config = await sshConfig({ UserKnownHostsFile: known });

    const found = await wrong(config);
    const fingerprint = fingerprintOf(hostKeyFile());
    expect(found).toMatch(/^✕ /);
    expect(found).toContain(fingerprintOf(join(directory, "old.pub")));
    expect(found).toContain(`--accept-host-key ${fingerprint}\n`);
    const asked = await berth.runAtTerminal(addArguments(config), "(yes/no)", "yes");
    expect(asked.code).toBe(1);
    expect(await wrong(config, "--accept-host-key", fingerprint)).toBe("");
  });

  test("an unreachable host", async () => {
    expect(await wrong(await sshConfig({ Port: "1" }))).toMatch(
      /^✕ .*nothing listens there.*\n    See whether `ssh hpc` reaches it/,
    );
  });

  test("no key", async () => {
    const config = await sshConfig({ IdentityFile: "/nowhere/key" });
    expect(await wrong(config)).toMatch(/^✕ .*there is no key to show it.*\n    Make a key/);
  });

  test("an agent without identities", async () => {
    const config = await sshConfig({ IdentityFile: "/nowhere/key", IdentityAgent: await startSshAgent([]) });
    expect(await wrong(config)).toMatch(/^✕ .*the ssh-agent holds no key.*\n.*`ssh-add`/);
  });

  test("a key that the host does not take", async () => {
    const config = await sshConfig({ IdentityFile: join(cluster().layout.sshDirectory, "eve") });
    expect(await wrong(config)).toMatch(/^✕ .*does not let the user "ada" in.*\n.*authorized_keys/);
  });

  test("a key with a passphrase that no agent holds", async () => {
    const key = join(await temporaryDirectory("berth-ssh-"), "key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "secret", "-f", key]);
    expect(await wrong(await sshConfig({ IdentityFile: key }))).toMatch(
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
    expect(await wrong(await sshConfig({}))).toMatch(/^✕ the home directory is full\n    Free some room/);
  });

  test("a missing sbatch", async () => {
    await meanwhile(["mount", "--bind", "/dev/null", "/usr/bin/sbatch"], ["umount", "/usr/bin/sbatch"]);
    const found = await wrong(await sshConfig({}), "--scheduler", "slurm");
    expect(found).toMatch(/^✕ "sbatch" is not on the PATH of a command by ssh: it is missing/m);
  });

  test("an sbatch that only a login shell finds", async () => {
    await meanwhile(["mount", "--bind", "/dev/null", "/usr/bin/sbatch"], ["umount", "/usr/bin/sbatch"]);
    await mkdir(inHome("slurm"), { recursive: true });
    await writeFile(inHome("slurm/sbatch"), "#!/bin/sh\n", { mode: 0o755 });
    onTestFinished(() => rm(inHome("slurm"), { recursive: true }));
    await meanwhileIn(inHome(".profile"), (text) => `${text}\nPATH=$HOME/slurm:$PATH\n`);
    const found = await wrong(await sshConfig({}), "--scheduler", "slurm");
    expect(found).toMatch(/^✕ "sbatch" is not on the PATH of a command by ssh, only on a login shell's/m);
    expect(found).toContain(`export PATH="${HOME}/slurm:$PATH"`);
  });

  test("tcsh as the login shell, with which all is well", async () => {
    await cluster().setLoginShell("ada", "/bin/tcsh");
    onTestFinished(() => cluster().setLoginShell("ada", "/bin/bash"));
    const { code, stdout } = await add(await sshConfig({}));
    expect(stdout).toContain("✓ the login shell is /bin/tcsh");
    expect(stdout).not.toContain("✕");
    expect(code).toBe(0);
  });

  test("a .bashrc that prints, with which all else is well", async () => {
    await meanwhileIn(inHome(".bashrc"), (text) => `echo "Welcome, $USER"\n${text}`);
    const { code, stdout } = await add(await sshConfig({}));
    expect(stdout).toContain("! the startup files of /bin/bash print: Welcome, ada\n");
    expect(stdout).not.toContain("✕");
    expect(code).toBe(0);
  });

  test("a .bashrc that ends the shell", async () => {
    await meanwhileIn(inHome(".bashrc"), (text) => `exit 0\n${text}`);
    expect(await wrong(await sshConfig({}))).toMatch(/^✕ .*does not come to the command.*\n.*startup file/);
  });

  test("a forwarding that the host forbids", async () => {
    await meanwhileIn(inHome(".ssh/authorized_keys"), (text) =>
      text.replaceAll(/^ssh-/gm, "no-port-forwarding ssh-"),
    );
    expect(await wrong(await sshConfig({}))).toMatch(/^✕ .*\n    Ask for `AllowTcpForwarding yes`/m);
  });

  test("nodes that may not log in to the controller, with the commands that set it up", async () => {
    await meanwhileIn(inHome(".ssh/authorized_keys"), (text) => text.replace(/^.*ada@cluster\n/m, ""));
    const found = await wrong(await sshConfig({}));
    expect(found).toMatch(/^! the controller does not let you in from itself.*Permission denied/m);
    expect(found).toContain("ssh-keygen -t ed25519");
    const { code, stdout } = await berth.run("resource", "doctor", "hpc", "--with-job");
    expect(stdout).toMatch(/^✕ a job on c[12] cannot reach the controller by ssh: .*Permission denied/m);
    expect(code).toBe(1);
  });
});
