#!/bin/sh
# Makes the namespaces that it is started in one host of the cluster, says "ready" and holds them:
# host.sh <hostname> <directory of the host> <home directory shared by all hosts>
set -eu
name=$1 directory=$2 home=$3

hostname "$name"
ip link set lo up
# No host passes on what is meant for another; a fresh namespace may have inherited the machine's own setting.
echo 0 >/proc/sys/net/ipv4/ip_forward

mount --bind "$home" /home
for path in etc/passwd etc/group etc/shadow etc/hosts etc/slurm etc/munge etc/ssh var/log var/spool; do
  mount --bind "$directory/$path" "/$path"
done
# The source of this mount is the mark by which a process is known to be on this host.
mount -t tmpfs -o mode=755 "$directory" /run
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mkdir -m 755 /run/sshd /run/slurm /run/munge
mkdir -m 1777 /run/lock
chown munge:munge /run/munge /etc/munge /etc/munge/munge.key
mkdir -m 755 /var/log/slurm /var/log/munge /var/spool/slurmctld /var/spool/slurmd
chown slurm:slurm /run/slurm /var/log/slurm /var/spool/slurmctld
chown munge:munge /var/log/munge
: >/var/log/wtmp
: >/var/log/lastlog
# The last one: the directory of the host may lie under it.
mount -t tmpfs -o mode=1777 tmpfs /tmp
echo ready
exec sleep infinity >/dev/null 2>&1
