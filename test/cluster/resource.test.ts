import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { Berth } from "../support/berth.ts";
import { BerthCommand, type CommandEnd } from "../support/berth-command.ts";
import { useCluster } from "../support/cluster.ts";
import { NODE_ECHO } from "../support/cluster-berth.ts";
import { eventually } from "../support/eventually.ts";
import { addArguments, fingerprintOf, hostKeyFile, sshConfig } from "./ssh-options.ts";

const cluster = useCluster();
let berth: BerthCommand;

beforeEach(async () => {
  berth = await BerthCommand.open();
  return () => berth[Symbol.asyncDispose]();
});

/** With a key that nobody has accepted yet. */
const unknownHost = (): Promise<string> => sshConfig(cluster(), { UserKnownHostsFile: "/dev/null" });

const add = (config: string, ...more: string[]): Promise<CommandEnd> =>
  berth.run(...addArguments(config), ...more);

const resourcesFile = (): Promise<string> =>
  readFile(join(berth.home, "resources.yaml"), "utf8").catch(() => "");

describe("a cluster is added", () => {
  test("when its key is in the user's known_hosts, with the scheduler that it has", async () => {
    const config = await sshConfig(cluster());
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
    const left = await cluster().exec("ctl", ["ls", "/home/ada/.berth"]);
    expect(left.stdout).toBe("");
  });

  test("without a terminal: never silently, and by its key's fingerprint", async () => {
    const config = await unknownHost();
    const refused = await add(config);
    const fingerprint = fingerprintOf(hostKeyFile(cluster()));
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
    expect(no.stdout).toContain(fingerprintOf(hostKeyFile(cluster())));
    expect(no.code).toBe(1);
    expect(await resourcesFile()).toBe("");
    const yes = await berth.runAtTerminal(addArguments(config), question, "yes");
    expect(yes.stdout).toContain("hpc is in ");
    expect(yes.code).toBe(0);
  });

  test("with PBS where Slurm has the commands of PBS, if that is said", async () => {
    const { code, stdout } = await add(await sshConfig(cluster()), "--scheduler", "pbs", "--with-job");
    expect(stdout).toMatch(/^✓ PBS answers: /m);
    expect(stdout).toMatch(/^✓ c[12] lets a job reach the controller by ssh$/m);
    expect(code).toBe(0);
    expect(await resourcesFile()).toContain("scheduler: pbs\n");
  });

  test("nevertheless, with --force", async () => {
    const config = await sshConfig(cluster(), { Port: "1" });
    expect((await add(config, "--force")).stderr).toContain("--scheduler and --force");
    const { code, stdout } = await add(config, "--force", "--scheduler", "slurm");
    expect(stdout).toMatch(/^✕ /m);
    expect(code).toBe(0);
    expect(await resourcesFile()).toContain("scheduler: slurm\n");
  });

  test("as JSON", async () => {
    const { code, stdout } = await add(await sshConfig(cluster()), "--json");
    expect(JSON.parse(stdout)).toMatchObject({ name: "hpc", scheduler: "slurm", isWritten: true });
    expect(code).toBe(0);
  });
});

describe("a cluster that was added", () => {
  beforeEach(async () => {
    expect((await add(await sshConfig(cluster()))).code).toBe(0);
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
    const config = await sshConfig(cluster());
    expect((await command.run(...addArguments(config))).code).toBe(0);
    await eventually(async () => / reachable$/m.test((await command.run("resource", "list")).stdout), {
      timeoutMs: 60_000,
      what: "the agent to have reached the cluster",
    });

    const job = ["--partition", "small", "--time", "5m"];
    const launched = await command.run("launch", "echo", "--resource", "hpc", ...job);
    expect(launched.stderr).not.toContain("berth:");
    const id = /^s\w{12}/.exec(launched.stdout)?.[0] ?? "";
    expect(launched.stdout).toMatch(/^s\w{12} {2}running$/m);
    expect((await command.run("list")).stdout).toMatch(/ hpc \(c2\) +\d+ +[345] m .* running$/m);
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
