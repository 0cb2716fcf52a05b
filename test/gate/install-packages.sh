#!/bin/sh
# Installs Debian packages for the tests, as root: install-packages.sh <package>...
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

# A package must not start a service meanwhile: nginx would take port 80 of this machine. invoke-rc.d(8) and
# deb-systemd-invoke(1) ask this file; one that is there already is the administrator's, and stays what it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 143' HUP INT TERM
  # 101 denies, for as long as this script lives: were it killed, the file it leaves behind would allow everything.
  printf '#!/bin/sh\nkill -0 %s 2>/dev/null && exit 101\nexit 0\n' "$$" >"$policy"
  chmod 755 "$policy"
fi

install_packages() {
  apt-get install --quiet --yes --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
}
# The lists are missing on a fresh container, and on an old machine they name files that the mirror has no more.
install_packages "$@" || {
  apt-get update --quiet -o DPkg::Lock::Timeout=300
  install_packages "$@"
}

# They would start at the next boot. Who has one running already is not asked to install it. Slurm's daemons stay away by
# themselves, for want of a slurm.conf.
if [ -d /run/systemd/system ]; then
  for package in "$@"; do
    case $package in
    nginx-light) systemctl disable --now nginx ;;
    openssh-server) systemctl disable --now ssh ;;
    munge) systemctl disable --now munge ;;
    esac
  done
fi
