# shellcheck shell=bash disable=SC2154  # the variables are those of the session script

nginx_folder=${service_folder:-}
case $nginx_folder in
  /*) ;;
  \~ | \~/*) nginx_folder=$HOME${nginx_folder#\~} ;;
  *) nginx_folder=$HOME/$nginx_folder ;;
esac
if [[ -z ${service_folder:-} || ! -d $nginx_folder || ! -r $nginx_folder || ! -x $nginx_folder ]]; then
  displayErrorMessage "Cannot serve \"$nginx_folder\": it is no folder that you may read. Choose another folder."
fi
if ! nginx_program=$(type -P nginx || type -P /usr/sbin/nginx); then
  displayErrorMessage "Cannot find nginx on $HOSTNAME. Install it with: sudo apt-get install --yes nginx-light"
fi

# True when a page in the served folder could read what is in directory $1.
nginx_is_served() {
  local directory inside
  directory=$(realpath -- "$1"; echo .) && directory=${directory%$'\n'.}
  inside=$(realpath -- "$nginx_folder"; echo .) && inside=${inside%$'\n'.}
  [[ $inside == / ]] && inside=
  case $directory/ in
    "$inside"/*) ;;
    *) case $inside/ in "$directory"/*) return 0 ;; *) return 1 ;; esac ;;
  esac
  inside=${directory#"$inside"}
  [[ ${service_hidden:-false} == true || $inside != */.* ]]
}
# Berth's home holds the token that opens everything else: a page must not be able to read it.
for nginx_directory in "$resource_jobdir" "$pw_job_dir"; do
  nginx_home=${nginx_directory%/sessions/*}
  if [[ $nginx_home != "$nginx_directory" && -d $nginx_home ]] && nginx_is_served "$nginx_home"; then
    displayErrorMessage "Cannot serve \"$nginx_folder\": Berth's own files in \"$nginx_home\" would be served with it. Choose a folder further down."
  fi
done

nginx_source=${BASH_SOURCE[0]%/*}
# Next to its socket, where it has one: that directory goes with the session.
if [[ -n ${service_socket:-} ]]; then nginx_prefix=${service_socket%/*}/nginx; else nginx_prefix=$resource_jobdir/nginx; fi
mkdir -p "$nginx_prefix/temporary"
chmod 700 "$nginx_prefix"
cp "$nginx_source/nginx.conf" "$nginx_source/types.conf" "$nginx_prefix/"
ln -sfn -- "$nginx_folder" "$nginx_prefix/site"

# Only root may say so, and must: nginx would go over to a user of its own, who cannot read the folder.
if [[ $EUID == 0 ]]; then echo "user root;"; fi >"$nginx_prefix/user.conf"
{
  if [[ ${service_autoindex:-true} == true ]]; then printf 'autoindex on;\nautoindex_exact_size off;\nautoindex_localtime on;\n'; fi
  if [[ ${service_hidden:-false} != true ]]; then printf 'location ~ /\\. { return 404; }\n'; fi
} >"$nginx_prefix/options.conf"

if [[ -n ${service_socket:-} ]]; then
  # In a directory that nobody else can enter.
  echo "listen unix:$service_socket;" >"$nginx_prefix/listen.conf"
  "$nginx_program" -p "$nginx_prefix/" -c nginx.conf
elif [[ -n ${berth_node:-} ]]; then
  # Behind the gate: any user of this host could reach a port.
  nginx_socket=$(mktemp -d "${TMPDIR:-/tmp}/berth.XXXXXXXX")/socket
  echo "listen unix:$nginx_socket;" >"$nginx_prefix/listen.conf"
  NODE_COMPILE_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/berth/node \
    "$berth_node" "$nginx_source/../shared/gate.ts" --port="$service_port" --socket="$nginx_socket" -- \
    "$nginx_program" -p "$nginx_prefix/" -c nginx.conf
else
  echo "listen 127.0.0.1:$service_port;" >"$nginx_prefix/listen.conf"
  echo "Without Node on this host every user of it can reach port $service_port."
  "$nginx_program" -p "$nginx_prefix/" -c nginx.conf
fi
