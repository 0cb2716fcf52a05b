# tell status|notify|fail [text]: reports to Berth what goes on in the session, on one line of at most 2000 bytes.
umask 077
# A character is a byte from here on.
LC_ALL=C
case ${1-} in
  status | notify | fail) ;;
  *)
    printf 'usage: %s status|notify|fail [text]\n' "${0##*/}" >&2
    exit 2
    ;;
esac
text="${*:2}"
text=${text:0:2000}
# bash hands a line at a time to write(2); without a newline the record is one append, which the kernel keeps whole.
printf '%s\0%s\0' "$1" "${text//[[:cntrl:]]/ }" >>"$reports"
