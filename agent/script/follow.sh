# Follows files that grow, for the agent at the other end of the connection. It is told on standard input
# `+ <key> <offset> <path>` and `- <key>`, and tells on standard output `<key> <offset> <bytes in base 64>`.
# It ends with its input. Read by bash.
declare -A path at key_of
pending=
while :; do
  patience=0.5
  while :; do
    IFS= read -r -t "$patience" line
    code=$?
    pending+=$line
    ((code == 0)) || break
    read -r verb key offset file <<<"$pending"
    pending=
    patience=0.01
    case $verb in
      +)
        path[$key]=$file at[$key]=$offset
        key_of[$file]=$key
        ;;
      -)
        [[ -n ${path[$key]-} ]] && unset "key_of[${path[$key]}]"
        unset "path[$key]" "at[$key]"
        ;;
    esac
  done
  # Over 128: nothing came in time. Else the input has ended.
  ((code > 128)) || exit 0
  ((${#path[@]} > 0)) || continue
  while read -r size file; do
    key=${key_of[$file]-}
    [[ -n $key ]] || continue
    from=${at[$key]}
    # Cut short by somebody: what is written from here on is told.
    ((size < from)) && at[$key]=$size
    ((size > from)) || continue
    count=$((size - from))
    ((count > 262144)) && count=262144
    printf '%s %s %s\n' "$key" "$from" "$(tail -c "+$((from + 1))" -- "$file" | head -c "$count" | base64 -w 0)" || exit 0
    at[$key]=$((from + count))
  done < <(stat -L -c '%s %n' -- "${path[@]}" 2>/dev/null)
done
