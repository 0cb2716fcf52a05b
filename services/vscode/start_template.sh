# shellcheck shell=bash disable=SC2154  # the variables are those of the session script

code_folder=${service_folder:-$HOME}
case $code_folder in
  /*) ;;
  \~ | \~/*) code_folder=$HOME${code_folder#\~} ;;
  *) code_folder=$HOME/$code_folder ;;
esac
if [[ ! -d $code_folder || ! -x $code_folder ]]; then
  displayErrorMessage "Cannot open \"$code_folder\": it is no folder that you may enter. Choose another folder."
fi
if ! code_program=$(type -P code-server); then
  displayErrorMessage "Cannot find code-server on $HOSTNAME. Install it with: npm install --global code-server@4.139.1"
fi
code_command=("$code_program")

# From npm it is a script for the one version of Node that its modules were compiled for, which need not be the first
# on PATH. (Otherwise it brings its own.) Said to the program alone: in the editor's terminals PATH is the user's.
code_entry=$(realpath -- "$code_program")
if [[ $code_entry == */out/node/entry.js ]]; then
  code_wants=$(sed -n 's/^ *"node": *"[^0-9]*\([0-9]*\).*/\1/p' "${code_entry%/out/node/entry.js}/package.json")
  code_node=
  for code_node in "$(type -P node)" "${berth_node:-}" ""; do
    [[ -n $code_node && $("$code_node" --version) == "v$code_wants".* ]] && break
  done
  if [[ -z $code_node ]]; then
    displayErrorMessage "Cannot start $code_program: it needs Node $code_wants. Put that on PATH, or install code-server again."
  fi
  code_command=("$code_node" "$code_entry")
fi

code_source=${BASH_SOURCE[0]%/*}
code_command+=(--config="$code_source/code-server.yaml" --abs-proxy-base-path="$basepath")
# Within a terminal of VS Code it would open the folder there instead of starting.
unset VSCODE_IPC_HOOK_CLI

if [[ -n ${service_socket:-} ]]; then
  # In a directory that nobody else can enter.
  "${code_command[@]}" --socket="$service_socket" --socket-mode=600 \
    --session-socket="${service_socket%/*}/session" "$code_folder"
elif [[ -n ${berth_node:-} ]]; then
  # Behind the gate: any user of this host could reach a port, and with it a terminal.
  code_sockets=$(mktemp -d "${TMPDIR:-/tmp}/berth.XXXXXXXX")
  "$berth_node" "$code_source/../shared/gate.ts" --port="$service_port" --socket="$code_sockets/socket" -- \
    "${code_command[@]}" --socket="$code_sockets/socket" --session-socket="$code_sockets/session" "$code_folder"
else
  echo "Without Node on this host every user of it can reach port $service_port, and with it this editor."
  "${code_command[@]}" --bind-addr="127.0.0.1:$service_port" "$code_folder"
fi
