# What a service's scripts may call (design 3.3).

# Shows the reason on the session's card and ends the script.
displayErrorMessage() {
  printf '%s\n' "$*" >&2
  local reason="$*"
  $sshusercontainer fail "${reason:0:2000}"
  exit 1
}

# Prints a TCP port that nobody on this host uses. The start is random, so that two calls at once rarely meet.
# berth_port_range=<first>-<last> narrows the search, for hosts whose firewall lets only some ports pass.
findAvailablePort() {
  local range=${berth_port_range:-20000-32000}
  if ! [[ $range =~ ^[1-9][0-9]{3,4}-[1-9][0-9]{3,4}$ ]] || ((${range%-*} < 1024 || ${range#*-} > 65535 || ${range%-*} > ${range#*-})); then
    printf 'findAvailablePort: berth_port_range must be two ports from 1024 to 65535, such as 20000-32000; it is "%s"\n' "$range" >&2
    return 1
  fi
  local first=${range%-*} count=$((${range#*-} - ${range%-*} + 1)) start table try port hex
  start=$(((RANDOM << 15 | RANDOM) % count))
  # proc_pid_net(5): addresses are spelled <hexadecimal address>:<port in four hexadecimal digits>.
  { table=$(</proc/net/tcp)$(</proc/net/tcp6) || :; } 2>/dev/null
  for ((try = 0; try < count; try++)); do
    port=$((first + (start + try) % count))
    printf -v hex ':%04X ' "$port"
    [[ $table == *"$hex"* ]] && continue
    # Where /proc shows too little, somebody who listens still answers.
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && continue
    printf '%s\n' "$port"
    return 0
  done
  printf 'findAvailablePort: no port of %s is free\n' "$range" >&2
  return 1
}
