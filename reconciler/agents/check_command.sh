#!/bin/sh
# Runs a program as the user would from a fresh login: started as `sh -l -c THIS check DIRECTORY WORDS...`.
#
# Prints   what the program prints, all of it on stderr: its last words are the reason when it fails.
# Never    writes anything itself; takes a word for code.

# shellcheck disable=SC2088  # the tilde is the document's own word for the home

directory=$1
shift
case $directory in '~') directory=$HOME ;; '~/'*) directory=$HOME/${directory#??} ;; esac
cd -- "$directory" || exit 1
exec "$@" >&2 </dev/null
