# shellcheck shell=bash disable=SC2154  # the variables are those of the session script

jupyter_folder=${service_folder:-$HOME}
case $jupyter_folder in
  /*) ;;
  \~ | \~/*) jupyter_folder=$HOME${jupyter_folder#\~} ;;
  *) jupyter_folder=$HOME/$jupyter_folder ;;
esac
if [[ ! -d $jupyter_folder || ! -x $jupyter_folder ]]; then
  displayErrorMessage "Cannot start Jupyter in \"$jupyter_folder\": it is no folder that you may enter. Choose another folder."
fi
if ! jupyter_program=$(type -P jupyter-notebook || type -P jupyter-nbclassic); then
  displayErrorMessage "Cannot find Jupyter Notebook on $HOSTNAME. Install it with: sudo apt-get install --yes jupyter-notebook"
fi

BERTH_JUPYTER_PORT=$service_port BERTH_JUPYTER_SOCKET=${service_socket:-} BERTH_JUPYTER_BASE=$basepath BERTH_JUPYTER_FOLDER=$jupyter_folder \
  "$jupyter_program" --config="${BASH_SOURCE[0]%/*}/config.py"
