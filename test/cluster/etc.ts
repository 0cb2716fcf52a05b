import { HOSTS, type Layout, NODES, USERS } from "./layout.ts";

// The files in the hosts' /etc, as texts.

/** What a cluster has that not every test wants. */
export type Features = {
  /** How many CPUs each compute node claims to have; jobs are not bound to any. */
  cpus: number;
  /** Whether slurmdbd keeps the past, and knows who may charge which account. */
  accounting: boolean;
};

/** Where slurmd 22.05 mounts a cgroup hierarchy of its own: it refuses to start without one. */
const CGROUP_MOUNT_POINT = "/run/slurm/cgroup";

/** slurm.conf(5). Unlike the default, a job starts at once and not up to three seconds later: the tests start many. */
export function slurmConf(layout: Layout, { cpus, accounting }: Features): string {
  return `ClusterName=${layout.clusterName}
SlurmctldHost=ctl(${layout.address("ctl")})
SlurmUser=slurm
AuthType=auth/munge
MailProg=/bin/true
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldPidFile=/run/slurm/slurmctld.pid
SlurmdPidFile=/run/slurm/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
${accounting ? ACCOUNTING : "AccountingStorageType=accounting_storage/none"}
JobCompType=jobcomp/filetxt
JobCompLoc=/var/log/slurm/jobcomp.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=300
${NODES.map((node) => `NodeName=${node} NodeAddr=${layout.address(node)} CPUs=${cpus} State=UNKNOWN`).join("\n")}
PartitionName=main Nodes=c1,c2 Default=YES DefaultTime=01:00:00 MaxTime=12:00:00 State=UP
PartitionName=small Nodes=c2 MaxCPUsPerNode=1 DefaultTime=00:05:00 MaxTime=00:10:00 State=UP
`;
}

const ACCOUNTING = `AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=ctl
AccountingStorageEnforce=associations`;

/** slurmdbd.conf(5). */
export const SLURMDBD_CONF = `DbdHost=ctl
SlurmUser=slurm
AuthType=auth/munge
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
PidFile=/run/slurm/slurmdbd.pid
LogFile=/var/log/slurm/slurmdbd.log
`;

export const CGROUP_CONF = `CgroupPlugin=cgroup/v1
CgroupAutomount=yes
CgroupMountpoint=${CGROUP_MOUNT_POINT}
`;

/** sshd_config(5); what it does not name is as sshd has it, MaxStartups and MaxSessions among it. */
export const SSHD_CONFIG = `HostKey /etc/ssh/ssh_host_ed25519_key
PidFile /run/sshd.pid
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile .ssh/authorized_keys
PermitRootLogin no
Subsystem sftp internal-sftp
`;

export const hostsFile = (layout: Layout): string =>
  [
    "127.0.0.1 localhost",
    "::1 localhost",
    ...HOSTS.map((host) => `${layout.address(host)} ${host}`),
    "",
  ].join("\n");

/** The machine's own accounts, which the daemons need, and the cluster's users after them. */
export const passwdFile = (layout: Layout, own: string): string =>
  own +
  USERS.map((user) => {
    const uid = layout.uid(user);
    return `${user}:x:${uid}:${uid}::/home/${user}:/bin/bash\n`;
  }).join("");

export const groupFile = (layout: Layout, own: string): string =>
  own + USERS.map((user) => `${user}:x:${layout.uid(user)}:\n`).join("");

/** `*`: a login by key, never by password. A `!` would be a locked account to sshd. */
export const SHADOW_FILE = USERS.map((user) => `${user}:*:20000::::::\n`).join("");
