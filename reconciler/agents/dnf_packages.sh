#!/bin/sh
# Changes packages with dnf: `sh -c THIS dnf VERB WORDS...`.
#
#   install NAME...         those that are not there
#   pin NAME=VERSION...     the same at versions, which may be globs, up or down; and lock them there
#   hold NAME...            lock them at the versions that they have
#   remove NAME...
#
# Prints   what dnf and rpm complain of, on stderr.
# Never    removes a package that is not named, or that nobody needs any more.

# shellcheck disable=SC2086  # lists of names are split on purpose

set -f
verb=$1
shift

change() { # what dnf is to do, and words; fresh lists are fetched where it fails with old ones
  action=$1
  shift
  set -- -q -y --setopt=install_weak_deps=False --setopt=clean_requirements_on_remove=False "$action" "$@"
  dnf "$@" >/dev/null 2>&1 || dnf --refresh "$@" >/dev/null
}

unlock() { # where versions can be locked at all
  dnf -q versionlock delete "$@" >/dev/null 2>&1 || :
}

pin() {
  names='' words=''
  for word; do
    names="$names ${word%%=*}"
    words="$words ${word%%=*}-${word#*=}"
  done
  unlock $names
  change install $words && dnf -q versionlock add $names >/dev/null
}

case $verb in
install) change install "$@" ;;
pin) pin "$@" ;;
hold) dnf -q versionlock add "$@" >/dev/null ;;
remove) rpm -e --test "$@" >&2 && change remove "$@" && unlock "$@" ;;
esac
