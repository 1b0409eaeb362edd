#!/bin/sh
# Changes packages with apk: `sh -c THIS apk VERB WORDS...`.
#
#   add NAME...       also NAME=VERSION and NAME~VERSION, which keep it there; the lists are fetched where that fails without
#   del NAME...
#
# Prints   what apk complains of, on stderr.

verb=$1
shift

if [ "$verb" = add ]; then
  apk add -q "$@" >/dev/null 2>&1 && exit
  apk update -q >/dev/null
fi
apk "$verb" -q "$@" >/dev/null
