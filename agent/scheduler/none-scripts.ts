/*
 * What runs on the controller node, for any POSIX shell unless it says otherwise. Each prints one line, or one for each session. A process is known
 * by its number and its start, the 22nd field of /proc/<pid>/stat: proc_pid_stat(5); a host by its name and its boot.
 */

const HERE = `
here() { printf '%s %s\\n' "$(uname -n)" "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"; }
`;

/** Whether the process "<pid> <start>" lives; a zombie does not. The second field of stat may hold any text in parentheses. */
const LIVES = `
lives() {
  stat=$(cat "/proc/\${1%% *}/stat" 2>/dev/null) || return 1
  start=\${1#* }
  set -- \${stat##*) }
  [ "\${20}" = "$start" ] && [ "$1" != Z ] && [ "$1" != X ]
}
`;

/**
 * For bash, in which alone a subshell gets INT back. Arguments: the session's directory, its script. Prints "<pid> <start>", of the one that runs already where there is one.
 * 69: the script has ended without taking the lock. 75: it has not taken it yet.
 */
export const START = `${HERE}
cd -- "$1" || exit 69
umask 077
if [ ! -s pid ]; then
  here >host || exit 69
  command -v setsid >/dev/null || { echo "it has no setsid" >&2; exit 69; }
  # A shell without job control has INT and QUIT ignored in the background, and what is ignored stays so in a service.
  (trap - INT QUIT; exec setsid bash "$2" </dev/null >>scheduler.log 2>&1) &
  tries=0
  while [ ! -s pid ] && [ $tries -lt 100 ]; do
    if ! kill -0 $! 2>/dev/null; then
      [ -s pid ] && break
      tail -n 5 scheduler.log >&2
      exit 69
    fi
    tries=$((tries + 1))
    sleep 0.1
  done
fi
[ -s pid ] || exit 75
cat pid
`;

/** Argument: the session's directory. Prints what \`pid\` holds, nothing where there is none. */
export const IDENTIFY = `
cd -- "$1" || exit 1
[ -e pid ] || exit 0
cat pid
`;

/** Arguments: for each session its directory and its process. Prints for each its number from 0, and what is known. */
export const STATUS = `${HERE}${LIVES}
here=$(here)
tell() {
  if [ ! -d "$1" ]; then
    # Where the home is not there, nothing in it is.
    if [ -r "\${1%/*}" ]; then echo not_found; else echo "unknown cannot read \${1%/*}"; fi
    return
  fi
  [ -x "$1" ] || { echo "unknown cannot read $1"; return; }
  [ -e "$1/pid" ] || { echo not_found; return; }
  host=$(cat "$1/host" 2>/dev/null)
  if [ -n "$host" ] && [ "\${host%% *}" != "\${here%% *}" ] && [ ! -e "$1/exit" ]; then
    echo "elsewhere \${host%% *} \${here%% *}"
    return
  fi
  if { [ -z "$host" ] || [ "$host" = "$here" ]; } && lives "$2"; then
    echo "running \${here%% *}"
    return
  fi
  canceled=-
  if [ -e "$1/canceled" ]; then canceled=canceled; fi
  if [ -s "$1/exit" ]; then
    echo "ended $canceled $(cat "$1/exit")"
  elif [ -n "$host" ] && [ "$host" != "$here" ]; then
    echo restarted
  else
    echo "ended $canceled"
  fi
}
number=0
while [ $# -gt 0 ]; do
  printf '%s %s\\n' "$number" "$(tell "$1" "$2")"
  number=$((number + 1))
  shift 2
done
`;

/**
 * Arguments: the session's directory, its process, its id, seconds of grace. TERM goes to the session's script alone, which
 * ends what it has started and runs the kill scripts; after the time of grace, or where it is dead, KILL goes to its
 * process group and to every process of the user's with the session's mark. Prints \`canceled\`, or \`gone\` once nothing is left.
 */
export const CANCEL = `${HERE}${LIVES}
cd -- "$1" 2>/dev/null || cd / || exit 1
leader=$2
pid=\${2%% *}
marked() {
  # grep reads the environment that a process began with, and has no mark itself. Other users' cannot be read.
  grep -lszxF -- "BERTH_SESSION_ID=$1" /proc/[0-9]*/environ | while IFS=/ read -r _ _ found _; do
    state=$(cat "/proc/$found/stat" 2>/dev/null) || continue
    case \${state##*) } in Z* | X*) ;; *) echo "$found" ;; esac
  done
}
host=$(cat host 2>/dev/null)
here=$(here)
if [ -n "$host" ] && [ "\${host%% *}" != "\${here%% *}" ] && [ ! -e exit ]; then
  echo "it runs on \${host%% *}, and this is \${here%% *}" >&2
  exit 1
fi
now=$(date +%s)
if { [ -z "$host" ] || [ "$host" = "$here" ]; } && lives "$leader"; then
  since=$(cat canceled 2>/dev/null)
  if [ -z "$since" ]; then
    kill -s TERM "$pid" || exit 1
    # A stopped process takes it only once it goes on.
    kill -s CONT "$pid"
    echo "$now" >canceled
    echo canceled
    exit
  fi
  if [ $((now - since)) -lt "$4" ]; then
    echo canceled
    exit
  fi
  kill -s KILL -- "-$pid" 2>/dev/null || kill -s KILL "$pid"
fi
left=$(marked "$3")
if [ -z "$left" ] && ! lives "$leader"; then
  echo gone
  exit
fi
# Several at once: none has the time to start another.
[ -z "$left" ] || kill -s KILL $left 2>/dev/null
echo canceled
`;
