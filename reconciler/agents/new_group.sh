#!/bin/sh
# Makes a group: `sh -c THIS PROGRAM NAME OPTIONS...`, PROGRAM being groupadd, or addgroup of busybox.
#
# A package of the same apply may have made it: then nothing is left to do, its number aside.

name=$1
shift
if grep -q "^$name:" /etc/group; then exit; fi
exec "$0" "$@" "$name"
