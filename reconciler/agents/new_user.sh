#!/bin/sh
# Makes an account with a home and a group of its own: `sh -c THIS useradd NAME OPTIONS...`; useradd's own options.
#
# The group may be there, also since this was planned. One that is made has the account's number where that is free.

name=$1
shift
if grep -q "^$name:" /etc/group; then
  set -- -N -g "$name" "$@"
else
  set -- -U "$@"
fi
exec useradd -m "$@" "$name"
