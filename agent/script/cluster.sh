# What the session's script does on the cluster around its service.
#
#   berth_make_node_directory   sets berth_node_dir: a directory on this node, for its user alone
#   berth_wait                  waits for berth_service, or for the end that the scheduler asks for: berth_code, berth_is_stopped
#   berth_limited <s> <command> runs a function, and ends it after so long
#   berth_end_processes         ends what is left of the session on this node
#   berth_abandoned             ends and deletes what a script that was killed has left, called by another process of it
#   berth_finish                says how it ended, and leaves nothing behind

berth_make_node_directory() {
  local root
  for root in "${TMPDIR:-/tmp}" /tmp; do
    # A socket's path ends after 107 bytes, unix(7), and services put it into configurations of theirs.
    [[ $root =~ ^/[A-Za-z0-9_./@%+=-]{0,79}$ && -d $root && -w $root ]] || continue
    berth_sweep "$root"
    berth_node_dir=$(mktemp -d -- "$root/berth.XXXXXXXX") || continue
    # The start lock, by which it is known whether it is still of use, and where that means something.
    printf '%s %s %s\n' "$(<pid)" "$(</proc/sys/kernel/random/boot_id)" "$(berth_here)" >"$berth_node_dir/owner"
    return 0
  done
  echo "berth: cannot make a directory in ${TMPDIR:-/tmp} on $HOSTNAME" >&2
  return 1
}

# Names the host and its processes' namespace: a TMPDIR may be shared by nodes, and by containers.
berth_here() {
  printf '%s %s' "$HOSTNAME" "$(readlink /proc/self/ns/pid)"
}

# Deletes what sessions on this node have left there whose script was killed.
berth_sweep() {
  local directory pid start boot here line
  local -a stat
  for directory in "$1"/berth.????????; do
    [[ -O $directory && ! -L $directory && -f $directory/owner ]] || continue
    { read -r pid start boot here <"$directory/owner"; } 2>/dev/null || continue
    [[ $here == "$(berth_here)" ]] || continue
    if [[ $boot == "$(</proc/sys/kernel/random/boot_id)" ]] && { read -r line <"/proc/$pid/stat"; } 2>/dev/null; then
      # Its start is the 22nd field; the name in the second may hold anything.
      read -r -a stat <<<"${line##*) }"
      [[ ${stat[19]} != "$start" ]] || continue
    fi
    rm -rf -- "$directory"
  done
}

berth_wait() {
  local try
  until [[ -n $berth_is_stopped ]]; do
    wait "$berth_service"
    berth_code=$?
    # A signal that is caught ends the wait and not the service.
    kill -0 "$berth_service" 2>/dev/null && continue
    # A scheduler sends TERM to one process of the job after another, Slurm to this shell last: on a busy node the service
    # has ended of it before.
    for ((try = 0; berth_code == 143 && try < 100; try++)); do
      [[ -z $berth_is_stopped ]] || break
      sleep 0.1
    done
    [[ -n $berth_is_stopped ]] || return 0
  done
  berth_code=143
}

berth_limited() {
  local seconds=$1 group try
  shift
  set -m
  "$@" &
  group=$!
  set +m
  for ((try = 0; try < seconds * 10; try++)); do
    kill -0 "$group" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -TERM -- "-$group" 2>/dev/null
  sleep 1
  kill -KILL -- "-$group" 2>/dev/null
}

# The pids of the session's processes on this node but this shell and what reports the end, in berth_pids.
berth_find_processes() {
  local file pid line state parent group session own
  berth_pids=()
  # The variable stands in the environment that a process began with, proc_pid_environ(5). grep itself has it not.
  while IFS= read -r file; do
    pid=${file#/proc/}
    berth_pids+=("${pid%/environ}")
  done < <(exec grep -lszxF -- "BERTH_SESSION_ID=$berth_id" /proc/[0-9]*/environ)
  # Some write their title over it (nginx); those are known by the session of setsid(2) that this shell is in.
  read -r line </proc/self/stat
  read -r state parent group own _ <<<"${line##*) }"
  for file in /proc/[0-9]*/stat; do
    { read -r line <"$file"; } 2>/dev/null || continue
    read -r state parent group session _ <<<"${line##*) }"
    [[ $session == "$own" && $state != Z && $group != "${berth_tunnel_pid-}" ]] || continue
    pid=${file#/proc/}
    berth_pids+=("${pid%/stat}")
  done
}

# Signals them; false when there is none.
berth_signal() {
  local pid found=1
  berth_find_processes
  for pid in "${berth_pids[@]}"; do
    [[ $pid == "$$" || $pid == "$BASHPID" || $pid == "$PPID" || $pid == "${berth_tunnel_pid-}" ]] && continue
    kill "-$1" "$pid" 2>/dev/null && found=0
  done
  return "$found"
}

berth_end_processes() {
  local try
  berth_signal TERM || return 0
  for ((try = 0; try < 25; try++)); do
    sleep 0.2
    berth_signal 0 || return 0
  done
  berth_signal KILL
}

# What the tunnel's loop does where it has outlived the session's script: that was killed.
berth_abandoned() {
  berth_end_processes
  rm -rf -- "$berth_node_dir"
}

berth_finish() {
  trap '' HUP INT TERM
  # Whatever the service has put in their places: a pipe would keep this waiting.
  rm -rf exit.tmp exit
  printf '%s\n' "$berth_code" >exit.tmp && mv -f exit.tmp exit
  [[ -p $berth_node_dir/reports ]] || printf 'ended\0%s\0' "$berth_code" >>"$berth_node_dir/reports"
  if [[ -n $berth_is_stopped ]]; then berth_tunnel_flush 1; else berth_tunnel_flush 5; fi
  berth_tunnel_stop
  rm -rf -- "$berth_node_dir"
  exit "$berth_code"
}
