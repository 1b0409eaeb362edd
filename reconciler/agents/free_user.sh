#!/bin/sh
# Fails where somebody is logged in or has programs running: `sh -c THIS user NAME NUMBER`. userdel asks that by itself,
# busybox does not.

for process in /proc/[0-9]*; do
  if [ "$(stat -c %u "$process" 2>/dev/null)" = "$2" ]; then
    echo "$1 is used by process ${process#/proc/}" >&2
    exit 1
  fi
done
