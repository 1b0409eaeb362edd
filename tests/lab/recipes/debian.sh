# Builds a Debian root file system and prints it as a compressed tar archive.
# Runs as root of a user namespace, never of the computer: the packages' own scripts run in here.
# Arguments: suite, mirror, more packages. Environment: APT_OPTIONS, lines of apt's configuration (proxies).
set -eu
umask 022
cd /tmp
export TMPDIR=/tmp HOME=/tmp
mount -t tmpfs shm /dev/shm # the computer's own is none of their business
printf '%s\n' "$APT_OPTIONS" >/tmp/apt.conf
suite=$1 mirror=$2
shift 2
packages=openssh-server,sudo,opendoas,tar,perl-base,procps,iproute2,util-linux,mount,apt,fish,tcsh,strace
for more in "$@"; do packages=$packages,$more; done

# Nothing leads out, so apt has no sources, and no timer that holds its lock now and then. Of systemd's units, not those
# that no user namespace can have: the kernel's modules, its own file systems, consoles.
cat >/tmp/customize <<'CUSTOMIZE'
cd "$1"
rm -rf etc/apt/apt.conf.d/99mmdebstrap etc/apt/sources.list etc/apt/sources.list.d/* var/lib/apt/lists/* var/cache/* \
  etc/resolv.conf etc/ssh/ssh_host_* var/log/* usr/lib/*/gconv usr/lib/udev/hwdb*
rm -f etc/systemd/system/timers.target.wants/apt-daily*
touch etc/.updated var/.updated # as systemd leaves them after the first boot
cd usr/lib/systemd 2>/dev/null || exit 0
rm -f system-generators/systemd-getty-generator
cd system/sysinit.target.wants
rm -f sys-kernel-*.mount dev-hugepages.mount systemd-modules-load.service
CUSTOMIZE
chmod 755 /tmp/customize
mmdebstrap --quiet --mode=root --variant=essential --format=tar --aptopt=/tmp/apt.conf \
  --skip=chroot/mount/sys --include="$packages" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/zoneinfo/*' --dpkgopt='path-exclude=/usr/share/groff/*' \
  --customize-hook=/tmp/customize "$suite" /tmp/root.tar "$mirror" >&2 </dev/null
zstd -q -3 -c /tmp/root.tar
