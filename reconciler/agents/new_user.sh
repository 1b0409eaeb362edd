#!/bin/sh
# Makes an account with a home and a group of its own: `sh -c THIS useradd NAME OPTIONS...`; useradd's own options.
#
# A package of the same apply may have made account or group: then it is changed, or taken. A group that is made has the
# account's number where that is free.

name=$1
shift
if grep -q "^$name:" /etc/passwd; then
  case " $* " in *' -G '*) set -- -a "$@" ;; esac
  exec usermod "$@" "$name"
fi
if grep -q "^$name:" /etc/group; then
  set -- -N -g "$name" "$@"
else
  set -- -U "$@"
fi
exec useradd -m "$@" "$name"
