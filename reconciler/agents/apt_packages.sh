#!/bin/sh
# Changes packages with apt: `sh -c THIS apt-get VERB WORDS...`.
#
#   install NAME...         those that are not there; the lists are fetched where that fails without
#   pin NAME=VERSION...     the same at versions, which may be globs, up or down; and hold them there
#   hold NAME...            no upgrade moves them
#   remove NAME...          their configuration stays
#
# Prints   what apt and dpkg complain of, on stderr: the last lines are the reason when it fails.
# Never    removes a package that is not named, purges, removes what nobody needs any more, upgrades anything else that
#          need not be, asks a question, replaces a configuration file that somebody changed.

# shellcheck disable=SC2086  # lists of names are split on purpose

set -f
export DEBIAN_FRONTEND=noninteractive
verb=$1
shift

log=/var/log/apt/term.log

change() { # apt-get's options and words; whoever else works with dpkg is waited for
  known=$(wc -c 2>/dev/null <"$log") || known=0
  apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" >/dev/null && return
  code=$?
  # What dpkg and the packages' own scripts had to say stands only there, where they had a terminal.
  tail -c "+$((known + 1))" "$log" 2>/dev/null | tr -d '\r' | sed '/^Log \|^(Reading database/d' | tail -n 8 >&2
  return "$code"
}

are_known() { # a name with a dot that no package has would be a regular expression
  for word; do
    word=${word%%[=:]*}
    case $word in
    *.*) apt-cache pkgnames "$word" | grep -Fqx -e "$word" || {
      echo "E: Unable to locate package $word" >&2
      return 1
    } ;;
    esac
  done
}

simulate() { # what apt would do, and why it cannot
  apt-get -s -q -y --no-install-recommends "$@" 2>&1 </dev/null
}

attempt() {
  are_known "$@" && change --no-remove $options install "$@"
}

install() {
  attempt "$@" 2>/dev/null && return
  lists=$(apt-get -q update 2>&1 >/dev/null | sed -n 's/^[EW]: \(Failed to fetch .*\)/\1/p' | head -n 1)
  [ -z "$lists" ] || echo "the lists of packages are not up to date: $lists" >&2
  are_known "$@" || return
  if ! planned=$(simulate $options install "$@"); then
    printf '%s\n' "$planned" | sed -n '/^The following packages have\|^[EW]: /,$p' >&2
    return 1
  fi
  gone=$(printf '%s\n' "$planned" | sed -n 's/^Remv \([^ ]*\).*/\1/p')
  if [ -n "$gone" ]; then
    echo "that would remove" $gone"; declare what shall go as absent" >&2
    return 1
  fi
  attempt "$@"
}

remove() {
  options=--allow-change-held-packages
  others=''
  for name in $(simulate $options remove "$@" |
    sed -n -e 's/^Remv \([^ ]*\).*/\1/p' -e 's/^Inst \([^ ]*\).*/\1/p'); do
    case " $* " in *" $name "* | *" $name:"*) ;; *) others="$others $name" ;; esac
  done
  if [ -n "$others" ]; then
    echo "$* cannot go alone, others need it or would take its place:$others" >&2
    return 1
  fi
  change $options remove "$@"
}

pin() {
  names='' options=--allow-downgrades
  for word; do names="$names ${word%%=*}"; done
  held=$(apt-mark showhold $names 2>/dev/null)
  [ -z "$held" ] || apt-mark unhold $held >/dev/null
  if install "$@"; then
    apt-mark hold $names >/dev/null
  else
    code=$?
    [ -z "$held" ] || apt-mark hold $held >/dev/null
    return "$code"
  fi
}

options=''
case $verb in
install | pin | remove) "$verb" "$@" ;;
hold) apt-mark hold "$@" >/dev/null ;;
esac
