# Builds a root file system with busybox and musl only, as Alpine looks from outside, and prints it as a compressed tar
# archive. sshd and strace need glibc: they and it live below /.lab, where nothing looks for them.
# Runs as root of a user namespace, never of the computer.
# Arguments: suite, mirror. Environment: APT_OPTIONS, lines of apt's configuration (proxies).
set -eu
umask 022
cd /tmp
export TMPDIR=/tmp HOME=/tmp
mount -t tmpfs shm /dev/shm # the computer's own is none of their business
printf '%s\n' "$APT_OPTIONS" >/tmp/apt.conf
mmdebstrap --quiet --mode=root --variant=extract --format=directory --aptopt=/tmp/apt.conf --skip=chroot/mount \
  --include=busybox-static,musl,openssh-server,strace,patchelf "$1" /tmp/from "$2" >&2 </dev/null

mkdir -p root/bin root/sbin root/usr/bin root/usr/sbin root/lib root/etc root/root root/home root/tmp root/run \
  root/proc root/sys root/dev root/var/empty root/var/log root/.lab/bin root/.lab/lib root/usr/local/bin root/mnt
chmod 1777 root/tmp
chmod 700 root/root
ln -s /run root/var/run

cp from/bin/busybox root/bin/busybox
chroot root /bin/busybox --install -s
rm -f root/linuxrc
cp -L from/lib/ld-musl-*.so.1 root/lib/
for loader in root/lib/ld-musl-*.so.1; do
  machine=${loader#root/lib/ld-musl-}
  ln -s "${loader##*/}" "root/lib/libc.musl-${machine%.so.1}.so.1"
done

libraries=
for folder in /tmp/from/lib/*-linux-gnu /tmp/from/usr/lib/*-linux-gnu; do
  libraries=$libraries${libraries:+:}$folder
done
set -- from/lib/*-linux-gnu/ld-linux-*.so.*
loader=$1
cp -L "$loader" root/.lab/lib/
for program in from/usr/sbin/sshd from/usr/bin/strace; do
  copy=root/.lab/bin/${program##*/}
  cp "$program" "$copy"
  "$loader" --library-path "$libraries" --list "$program" |
    while read -r _name _arrow file _address; do
      case $file in /*) cp -nL "$file" root/.lab/lib/ ;; esac
    done
  # The old kind of run path (--force-rpath) also holds for the libraries' own libraries.
  "$loader" --library-path "$libraries" from/usr/bin/patchelf --force-rpath --set-rpath /.lab/lib \
    --set-interpreter "/.lab/lib/${loader##*/}" "$copy"
done

echo 3.20.3 >root/etc/alpine-release
printf '%s\n' 'NAME="Alpine Linux"' ID=alpine VERSION_ID=3.20.3 'PRETTY_NAME="Alpine Linux v3.20"' >root/etc/os-release
printf '%s\n' root:x:0:0:root:/root:/bin/sh sshd:x:22:22:sshd:/dev/null:/sbin/nologin \
  nobody:x:65534:65534:nobody:/:/sbin/nologin >root/etc/passwd
printf '%s\n' root:x:0:root tty:x:5: sshd:x:22: wheel:x:10:root shadow:x:42: users:x:100: nobody:x:65534: \
  >root/etc/group
printf '%s\n' 'root:*:19700:0:::::' 'sshd:!:19700:0:::::' 'nobody:!:19700:0:::::' >root/etc/shadow
chmod 640 root/etc/shadow
chgrp 42 root/etc/shadow
printf '%s\n' /bin/sh /bin/ash >root/etc/shells
printf '%s\n' 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' >root/etc/profile
tar -C root -cf root.tar .
zstd -q -3 -c root.tar
