import { lstat } from "node:fs/promises";
import { Command } from "commander";
import { ALIAS } from "./directory.ts";
import { Cluster } from "./cluster.ts";
import { HOSTS, NODES, PARTITIONS, USERS } from "./layout.ts";

/** `npm run cluster -- up|down|status`: a cluster to try Berth on. It outlives the command that brings it up. */

type Options = { json: boolean };
type UpOptions = Options & { accounting: boolean };

const DIRECTORY = process.env["BERTH_CLUSTER"] ?? `/tmp/berth-cluster-${process.getuid?.() ?? 0}`;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** Whether the directory is there. Others may write to /tmp: one that is not this user's own is refused. */
async function isThere(): Promise<boolean> {
  const found = await lstat(DIRECTORY).catch(() => undefined);
  if (found !== undefined && (found.uid !== process.getuid?.() || !found.isDirectory()))
    throw new Error(`Cannot use "${DIRECTORY}": it is not your directory. Name another with BERTH_CLUSTER.`);
  return found !== undefined;
}

function describe(cluster: Cluster) {
  const { layout, sshConfig } = cluster;
  return {
    state: "up",
    directory: layout.directory,
    hosts: HOSTS.map((name) => ({ name, address: layout.address(name), pid: cluster.host(name).pid })),
    partitions: PARTITIONS,
    users: USERS,
    ssh: `ssh -F ${sshConfig} ${ALIAS.ada}`,
    resource: `./berth resource add pretend --host ${ALIAS.ada} --ssh-config ${sshConfig}`,
  };
}

function show(cluster: Cluster, { json }: Options): void {
  const all = describe(cluster);
  if (json) return print(JSON.stringify(all));
  print(`A cluster is up in ${all.directory}: the controller ctl, the nodes ${NODES.join(" and ")}.\n`);
  print(`Log in:       ${all.ssh}`);
  print(`For Berth:    ${all.resource}`);
  print("Take it down: npm run cluster -- down");
}

async function up(options: UpOptions): Promise<void> {
  if (await isThere()) {
    const there = await Cluster.open(DIRECTORY);
    if (there !== undefined) return show(there, options);
    await Cluster.down(DIRECTORY);
  }
  show(await Cluster.up({ directory: DIRECTORY, accounting: options.accounting }), options);
}

async function down({ json }: Options): Promise<void> {
  const wasThere = await isThere();
  if (wasThere) await Cluster.down(DIRECTORY);
  print(json ? JSON.stringify({ state: "down" }) : wasThere ? "The cluster is down." : "No cluster was up.");
}

async function status(options: Options): Promise<void> {
  const cluster = (await isThere()) ? await Cluster.open(DIRECTORY) : undefined;
  if (cluster !== undefined) return show(cluster, options);
  print(
    options.json ? JSON.stringify({ state: "down" }) : "No cluster is up. Bring it up: npm run cluster -- up",
  );
}

const program = new Command("cluster").description(
  "A real cluster on this machine, to try Berth on: Slurm, a controller and two compute nodes. Needs root.",
);
/** Adds a command whose failure is one line of text. */
function command(name: string, about: string, action: (given: UpOptions) => Promise<void>) {
  return program
    .command(name)
    .description(about)
    .option("--json", "print JSON", false)
    .action(async (given: UpOptions) => {
      try {
        await action(given);
      } catch (error) {
        program.error(`error: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
}
command("up", "bring the cluster up and print how to use it", up).option(
  "--accounting",
  "with slurmdbd, so that sacct works and accounts are checked; needs MariaDB",
  false,
);
command("down", "end everything on it and delete its directory", down);
command("status", "tell whether it is up", status);
await program.parseAsync();
