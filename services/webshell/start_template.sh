# shellcheck shell=bash disable=SC2154  # the variables are those of the session script

webshell_folder=${service_folder:-$HOME}
case $webshell_folder in
  /*) ;;
  \~ | \~/*) webshell_folder=$HOME${webshell_folder#\~} ;;
  *) webshell_folder=$HOME/$webshell_folder ;;
esac
if [[ ! -d $webshell_folder || ! -x $webshell_folder ]]; then
  displayErrorMessage "Cannot start a shell in \"$webshell_folder\": it is no folder that you may enter. Choose another folder."
fi

webshell_program=${service_shell:-login}
if [[ $webshell_program == login ]]; then
  webshell_program=${SHELL:-bash}
  # What $SHELL names where nobody is meant to log in.
  case $webshell_program in */nologin | */false) webshell_program=bash ;; esac
fi
if ! webshell_path=$(type -P -- "$webshell_program"); then
  displayErrorMessage "Cannot find the shell \"$webshell_program\" on $HOSTNAME. Choose another shell."
fi

# Its owner comes by the one prefix, guests with whom the session is shared by the other.
# With its compile cache Node starts in half the time.
NODE_COMPILE_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/berth/node \
  "${berth_node:-node}" "${BASH_SOURCE[0]%/*}/server.ts" \
  --port="$service_port" --prefix="$basepath" --prefix="/s/$job_number" \
  --folder="$webshell_folder" --shell="$webshell_path"
