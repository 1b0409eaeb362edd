#!/bin/sh
# Tells whether a new fstab is no worse than the old one: `sh -c THIS check-fstab NEW`, run by root before NEW is put in place.
#
# Uses     findmnt of util-linux; where there is none, every table is good.
# Prints   on stderr, an error that the new table has.
# Never    minds a source that is not there: a disk may be plugged in later. Never writes anything.

errors() { # of the table $1, one a line
  findmnt --verify --tab-file "$1" 2>&1 | grep -e 'parse error at' -e '\[E\]' | grep -v 'required source'
}

command -v findmnt >/dev/null || exit 0
before=0
[ ! -f /etc/fstab ] || before=$(errors /etc/fstab | wc -l)
if [ "$(errors "$1" | wc -l)" -gt "$before" ]; then
  errors "$1" | tail -n 1 >&2
  exit 1
fi
