# Builds a Debian root file system and prints it as a compressed tar archive.
# Runs as root of a user namespace, never of the computer: the packages' own scripts run in here.
# Arguments: suite, mirror. Environment: APT_OPTIONS, lines of apt's configuration (proxies).
set -eu
umask 022
cd /tmp
export TMPDIR=/tmp HOME=/tmp
mount -t tmpfs shm /dev/shm # the computer's own is none of their business
printf '%s\n' "$APT_OPTIONS" >/tmp/apt.conf
packages=openssh-server,sudo,opendoas,tar,perl-base,procps,iproute2,util-linux,fish,tcsh,strace
# shellcheck disable=SC2016 # the hook's $1 is mmdebstrap's: the new root
mmdebstrap --quiet --mode=root --variant=essential --format=tar --aptopt=/tmp/apt.conf \
  --skip=chroot/mount/sys --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/zoneinfo/*' --dpkgopt='path-exclude=/usr/share/groff/*' \
  --customize-hook='rm -rf "$1"/etc/apt/apt.conf.d/99mmdebstrap "$1"/var/lib/apt/lists/* "$1"/var/cache/* \
    "$1"/etc/resolv.conf "$1"/etc/ssh/ssh_host_* "$1"/var/log/* "$1"/usr/lib/*/gconv "$1"/usr/lib/udev/hwdb*' \
  "$1" /tmp/root.tar "$2" >&2 </dev/null
zstd -q -3 -c /tmp/root.tar
