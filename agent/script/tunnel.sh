# The node's end of the tunnel: keeps a reverse SSH tunnel to the agent up, and sends the session's reports through it.
#
#   berth_tunnel_loop              starts the loop in the background
#   berth_watch_ready              starts a watch in the background that reports `ready` once the service listens
#   berth_tunnel_flush <seconds>   waits, at most so long, until the agent has acted upon all reports
#   berth_tunnel_stop              ends both and all they have started
#
# bash >= 4.2, OpenSSH >= 7.4 and GNU's coreutils will do. Variables: resource_jobdir, berth_id, berth_node_dir,
# service_port, service_socket (where empty, the service listens on 127.0.0.1:$service_port).
#
# The loop reads anew at each attempt what the agent has written to $resource_jobdir/forward, one line:
#   via <controller> <its SSH port> <port on its loopback>
#   direct <host> <port>

# In tunnel/, and by names within it: a path may hold what an option of ssh would take apart.
berth_tunnel_loop() {
  local directory=$berth_node_dir/tunnel
  (
    umask 077
    mkdir "$directory" && mkfifo "$directory/to" "$directory/from" "$directory/wake" &&
      ln -s "$resource_jobdir/key" "$resource_jobdir/known_hosts" "$directory/"
    : >>"$berth_node_dir/reports"
  ) || return 1
  # A process group of its own: what is sent to the session's leaves the tunnel to tell of it, and it ends as one.
  set -m
  (
    set +m
    # Ignored by ssh and tail too: a scheduler that ends the job signals every process, and `ended` is yet to be sent.
    trap '' HUP INT TERM
    umask 077
    cd -- "$directory" || exit 1
    berth_tunnel_keep
    # Only where the session's script was killed, since it ends the loop otherwise.
    if declare -F berth_abandoned; then berth_abandoned; fi
    rm -rf "$directory"
  ) </dev/null >/dev/null 3>&2 2>/dev/null &
  berth_tunnel_pid=$!
  disown "$berth_tunnel_pid"
  set +m
}

# Attempt after attempt while the session's script lives: after 0.5 s at first, then up to 5 s, after 5 minutes in vain
# 15 s; each shortened by up to a half, so that a controller that comes back is not asked by all at once.
berth_tunnel_keep() {
  local attempts=0 lastly=$SECONDS told=$SECONDS start delay line
  exec 4<>wake
  while [[ -d /proc/$$ ]]; do
    start=$SECONDS
    if berth_tunnel_attempt; then
      lastly=$SECONDS told=$SECONDS
      ((SECONDS - start < 10)) || attempts=0
    elif ((SECONDS - told > (told == lastly ? 60 : 600))); then
      told=$SECONDS
      line=$(tail -n 1 error)
      printf 'Berth: no tunnel to the workspace for %d s: %s\n' $((SECONDS - lastly)) "${line:0:500}" >&3
    fi
    delay=$((attempts < 5 ? attempts * 1000 + 500 : 5000))
    ((SECONDS - lastly < 300)) || delay=15000
    attempts=$((attempts + 1))
    delay=$((delay - RANDOM * delay / 65536))
    printf -v delay '%d.%03d' $((delay / 1000)) $((delay % 1000))
    read -r -t "$delay" <&4
  done
}

# One connection, to its end. True when the agent has answered.
berth_tunnel_attempt() {
  local ssh_pid tail_pid='' offset answered=1 address
  local number='^(0|[1-9][0-9]{0,14})$'
  local -a way
  berth_tunnel_way || return 1
  address=$(<address) || address=127.0.0.1:$service_port
  # A pipe each way. Opened for both first, since the opening of a FIFO waits for the other end.
  exec 5<>to 6<to 7>to 5>&- 5<>from 8<from 9>from 5>&-
  ssh -F /dev/null -T -l "$berth_id" -o IdentityFile=key -o IdentitiesOnly=yes -o IdentityAgent=none \
    -o PreferredAuthentications=publickey -o BatchMode=yes -o StrictHostKeyChecking=yes \
    -o HostKeyAlias="berth-$berth_id" -o HostKeyAlgorithms=ssh-ed25519 -o CheckHostIP=no -o UpdateHostKeys=no \
    -o UserKnownHostsFile=known_hosts -o GlobalKnownHostsFile=/dev/null \
    -o Ciphers=aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr -o Compression=no \
    -o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o ConnectTimeout=20 -o LogLevel=ERROR \
    -o ExitOnForwardFailure=yes -R "0:${service_socket:-$address}" "${way[@]}" reports \
    <&6 >&9 2>error 3>&- 4>&- 6<&- 7>&- 8<&- 9>&- &
  ssh_pid=$!
  exec 6<&- 9>&-
  # ssh has no limit on what comes between the greeting and the first sign of life.
  if read -r -t 60 offset <&8 && [[ $offset =~ $number ]]; then
    answered=0
    printf '%s\n' "$ssh_pid" >ssh.pid
    # What the watch has found out since, when there was no process yet for it to end.
    [[ ! -e address || $(<address) == "$address" ]] || kill -KILL "$ssh_pid"
    # It ends within a second of the session's script, and ssh and the loop after it.
    tail -c "+$((offset + 1))" -f --pid=$$ ../reports >&7 3>&- 4>&- 7>&- 8<&- &
    tail_pid=$!
    exec 7>&-
    while [[ $offset =~ $number ]]; do
      printf '%s\n' "$offset" >acted
      read -r offset <&8 || break
    done
    rm -f ssh.pid
  fi
  # Without its session channel ssh would wait for connections that it still forwards.
  kill -KILL "$ssh_pid" $tail_pid
  exec 7>&- 8<&-
  wait
  return "$answered"
}

# Sets `way`: ssh's arguments that lead to the agent. False while nothing, or nothing whole, is in `forward`.
berth_tunnel_way() {
  local line='' remote
  local host='([A-Za-z0-9_][A-Za-z0-9_.:-]{0,254})' port='([1-9][0-9]{0,4})'
  IFS= read -r line <"$resource_jobdir/forward"
  if [[ $line =~ ^direct\ $host\ $port$ ]]; then
    way=(-p "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}")
  elif [[ $line =~ ^via\ $host\ $port\ $port$ ]]; then
    # A command rather than -W: OpenSSH sets TCP_NODELAY only where there is a session channel. It ends with either
    # side: the reader with the connection, the writer with sshd's pipe, and each takes the other along. Any login
    # shell reads this the same, csh too.
    remote="exec bash --norc -c 'exec 2>/dev/null 3<>/dev/tcp/127.0.0.1/${BASH_REMATCH[3]} 4<&0 || exit; cat <&3 & r=\$!; (cat <&4 >&3; kill \$r) & wait \$r'"
    {
      printf '%s \\\n' 'exec ssh -T -o BatchMode=yes -o StrictHostKeyChecking=yes -o HostKeyAlias=berth-controller' \
        '-o UserKnownHostsFile=known_hosts -o CheckHostIP=no -o UpdateHostKeys=no -o Compression=no' \
        '-o Ciphers=aes128-gcm@openssh.com,aes256-gcm@openssh.com,aes128-ctr,aes256-ctr' \
        '-o ServerAliveInterval=10 -o ServerAliveCountMax=3 -o ConnectTimeout=20 -o LogLevel=ERROR' \
        '-o ControlMaster=no -o ControlPath=none -o ClearAllForwardings=yes -o ForwardAgent=no -o ForwardX11=no'
      printf -- '-p %q %q %q\n' "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}" "$remote"
    } >proxy || return 1
    way=(-o "ProxyCommand=bash proxy" agent)
  else
    printf 'no address of the workspace in %s\n' "$resource_jobdir/forward" >error
    return 1
  fi
}

# The agent's offset stands in tunnel/acted. True when it has come to the end.
berth_tunnel_flush() {
  local directory=$berth_node_dir/tunnel end=$((SECONDS + $1)) size acted
  [[ -d $directory ]] || return 1
  size=$(wc -c <"$berth_node_dir/reports")
  # Whoever waits to make the next attempt makes it now.
  printf '\n' 1<>"$directory/wake"
  until { acted=$(<"$directory/acted"); } 2>/dev/null && ((acted >= size)); do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}

berth_tunnel_stop() {
  [[ -z ${berth_watch_pid-} ]] || kill -KILL "$berth_watch_pid"
  [[ -z ${berth_tunnel_pid-} ]] || kill -KILL -- "-$berth_tunnel_pid"
  unset -v berth_watch_pid berth_tunnel_pid
  rm -rf "$berth_node_dir/tunnel"
} 2>/dev/null

berth_watch_ready() {
  (
    # A pipe that nobody writes to: to wait with `read` takes no process.
    exec 5<> <(:)
    while [[ -d /proc/$$ ]]; do
      berth_watch_look && exit
      read -r -t 0.2 <&5
    done
  ) </dev/null >/dev/null 2>&1 &
  berth_watch_pid=$!
  disown "$berth_watch_pid"
}

# One look. True when there is nothing left to look for.
berth_watch_look() {
  if [[ -n $service_socket ]]; then
    [[ -S $service_socket && -O $service_socket ]] || return 1
    chmod 600 "$service_socket"
    printf 'ready\0\0' >>"$berth_node_dir/reports"
    return
  fi
  local port line owner='' local_address state uid
  local -a table table6
  printf -v port '%04X' "$service_port"
  # proc_pid_net(5): sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid …
  mapfile -t table </proc/net/tcp
  mapfile -t table6 </proc/net/tcp6
  for line in "${table[@]}" "${table6[@]}"; do
    [[ $line == *":$port "*":0000 0A "* ]] || continue
    read -r _ local_address _ state _ _ _ uid _ <<<"$line"
    [[ $state == 0A ]] || continue
    case $local_address in
      # Where a connection to 127.0.0.1 arrives, the most specific address first.
      0100007F:"$port") owner=$uid && break ;;
      00000000:"$port" | 0000000000000000FFFF00000100007F:"$port" | 00000000000000000000000000000000:"$port")
        owner=$uid
        ;;
      # Only here: the tunnel leads there from its next attempt on.
      00000000000000000000000001000000:"$port")
        [[ -z $owner && $uid == "$EUID" ]] || continue
        printf '[::1]:%d\n' "$service_port" >"$berth_node_dir/tunnel/address"
        kill -KILL "$(<"$berth_node_dir/tunnel/ssh.pid")"
        owner=$uid
        ;;
    esac
  done
  [[ -n $owner ]] || return 1
  if [[ $owner == "$EUID" ]]; then
    printf 'ready\0\0' >>"$berth_node_dir/reports"
  else
    printf 'fail\0Cannot use port %d of the node: another user (uid %d) listens on it. Launch the session again\0' \
      "$service_port" "$owner" >>"$berth_node_dir/reports"
  fi
}
