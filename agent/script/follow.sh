# Follows files that grow, for the agent at the other end of the connection, which it tells on standard output
# `<key> <offset> <bytes in base 64>`: one piece of a file, and no other until the agent has taken it. It is told
# on standard input
#   + <key> <offset> <path>   to follow a file from there on
#   = <key> <offset>          that the agent has taken what stands before
#   - <key>                   to follow it no longer
# It ends with its input. Read by bash.
piece=262144
# So much behind, only the end is told: what writes faster than it can be read must not keep the rest waiting.
most=67108864
declare -A path at size_of
pending=

berth_told() {
  local verb key offset file
  read -r verb key offset file <<<"$pending"
  case $verb in
    +) path[$key]=$file at[$key]=$offset ;;
    # What it says of a file that it has let go of is late.
    =) [[ -z ${path[$key]-} ]] || at[$key]=$offset ;;
    -) unset "path[$key]" "at[$key]" ;;
  esac
}

# One look at a file of the size $2.
berth_look() {
  local key=$1 size=$2 from=${at[$1]} bytes
  # Cut short by somebody: it is told from its beginning.
  ((size >= from)) || from=0
  ((size - from <= most)) || from=$((size - most))
  at[$key]=$from
  ((size > from)) || return 0
  # It may be a pipe by now, which would be waited for.
  bytes=$(dd if="${path[$key]}" iflag=nonblock,skip_bytes,count_bytes skip="$from" count="$piece" bs="$piece" status=none 2>/dev/null | base64 -w 0)
  [[ -n $bytes ]] || return 0
  printf '%s %s %s\n' "$key" "$from" "$bytes" || exit 0
  # Until it is taken.
  at[$key]=
}

while :; do
  patience=0.5
  while :; do
    IFS= read -r -t "$patience" line
    code=$?
    pending+=$line
    ((code == 0)) || break
    berth_told
    pending=
    patience=0.01
  done
  # Over 128: nothing came in time. Else the input has ended.
  ((code > 128)) || exit 0
  files=()
  for key in "${!path[@]}"; do
    [[ -z ${at[$key]} ]] || files+=("${path[$key]}")
  done
  ((${#files[@]} > 0)) || continue
  # One program for all of them. What is no file that can be read to its end is not there: a pipe, a device.
  size_of=()
  while read -r mode size file; do
    (((0x$mode & 0xf000) != 0x8000)) || size_of[$file]=$size
  done < <(stat -L -c '%f %s %n' -- "${files[@]}" 2>/dev/null)
  for key in "${!path[@]}"; do
    size=${size_of[${path[$key]}]-}
    [[ -z ${at[$key]} || -z $size ]] || berth_look "$key" "$size"
  done
done
