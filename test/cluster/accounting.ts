import { eventually } from "../support/eventually.ts";
import type { Argv } from "./command.ts";
import type { Host } from "./host.ts";
import { type Layout, USERS } from "./layout.ts";

/** The account that both users charge; another one is refused. */
const ACCOUNT = "physics";

const SOCKET = "/run/mysqld/mysqld.sock";
const DATA = "/run/mysqld/data";
const AS_SLURM = ["setpriv", "--reuid=slurm", "--regid=slurm", "--clear-groups"] as const;

/** Starts MariaDB and slurmdbd on the controller, before slurmctld, and is back when they know the cluster's users. */
export async function startAccounting(layout: Layout, ctl: Host): Promise<void> {
  await ctl.mustExec(["chown", "slurm:slurm", "/etc/slurm/slurmdbd.conf"]);
  await ctl.mustExec(["install", "-d", "-o", "slurm", "/run/mysqld"]);
  const database = ["--no-defaults", "--user=slurm", `--datadir=${DATA}`] as const;
  // Who may be root of the database: the user slurm, whom the kernel vouches for. There is no password.
  const login = ["--auth-root-authentication-method=socket", "--auth-root-socket-user=slurm"] as const;
  await ctl.mustExec(["mariadb-install-db", ...database, ...login, "--skip-test-db"]);
  const files = [
    `--socket=${SOCKET}`,
    "--pid-file=/run/mysqld/pid",
    "--log-error=/var/log/slurm/mariadb.log",
    // The host's own: where the environment says it is somewhere else, that is not there.
    "--tmpdir=/tmp",
  ];
  // It cannot go into the background by itself, nor close the output that it was given.
  const inBackground: Argv = ["sh", "-c", 'exec setsid --fork "$@" >/dev/null 2>&1', "sh"];
  await ctl.daemon([...inBackground, "mariadbd", ...database, ...files, "--skip-networking"]);
  const isUp = async (argv: Argv): Promise<boolean> => (await ctl.exec(argv)).code === 0;
  await eventually(() => isUp([...AS_SLURM, "mariadb", `--socket=${SOCKET}`, "--execute=select 1"]), {
    timeoutMs: 90_000,
    what: "MariaDB",
  });
  await ctl.daemon(["slurmdbd"]);
  await eventually(() => isUp(["sacctmgr", "--noheader", "list", "cluster"]), {
    timeoutMs: 90_000,
    what: "slurmdbd",
  });
  const add = (...what: string[]) => ctl.mustExec(["sacctmgr", "--immediate", "--quiet", "add", ...what]);
  await add("cluster", layout.clusterName);
  await add("account", ACCOUNT);
  await add("user", USERS.join(","), `account=${ACCOUNT}`);
}
