import { lstat } from "node:fs/promises";
import { Command } from "commander";
import { ALIAS } from "./directory.ts";
import { Cluster } from "./cluster.ts";
import { HOSTS, NODES, PARTITIONS, USERS } from "./layout.ts";

/** `npm run cluster -- up|down|status`: a cluster to try Berth on. It outlives the command that brings it up. */

type Options = { json: boolean };

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

async function up(options: Options): Promise<void> {
  if (await isThere()) {
    const there = await Cluster.open(DIRECTORY);
    if (there !== undefined) return show(there, options);
    await Cluster.down(DIRECTORY);
  }
  show(await Cluster.up({ directory: DIRECTORY }), options);
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
const commands = [
  { name: "up", about: "bring the cluster up and print how to use it", action: up },
  { name: "down", about: "end everything on it and delete its directory", action: down },
  { name: "status", about: "tell whether it is up", action: status },
];
for (const { name, about, action } of commands)
  program
    .command(name)
    .description(about)
    .option("--json", "print JSON", false)
    .action(async (options: Options) => {
      try {
        await action(options);
      } catch (error) {
        program.error(`error: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
await program.parseAsync();
