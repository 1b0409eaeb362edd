# shellcheck shell=sh
# The beginning of every agent: what rights it works with, and signs of life. The agent's own text follows it.
#
# Started with $boot holding the boot line and $agent this text with the agent's. Reads a line from stdin:
#   session RIGHTS ALIVE NONCE BYTES
# RIGHTS  own       those that the door gives
#         root      the same, known to be root's: this runs under sudo or doas
#         free      root's where that takes no password, else those that the door gives
#         ask       the same; after an answer with the door's rights it may be given again with root's, see offer_root
#         password  root's, with the password in the next line
# ALIVE   how often to say so on stderr, in seconds; 0 for never
# BYTES   of the agent's input, which is kept in $input; 0 where the agent reads all that is left of stdin by itself
#
# Prints  NONCE root               what follows is said with root's rights
#         NONCE no-root TEXT       there are no other rights to be had, and why
#         NONCE password           a line with a password is waited for
#         NONCE password-refused   it did not help; what sudo said is on stderr
#         reconcile-alive, reconcile-doing TEXT  on stderr
#
# A password is never in an argument, a variable of a program's environment, or a file. sudo reads it from a pipe, on which
# nothing else follows before the controller has seen what came of it: sudo asks up to three times and would take what
# follows for passwords; without a wish for a password its shell drops what it does not know.

# shellcheck disable=SC2154  # boot and agent are set by whoever starts this
# shellcheck disable=SC2086  # words are split on purpose

line_end='
'
put() { printf '%s\n' "$1"; }
if [ -n "${KSH_VERSION-}" ]; then # mksh would start /usr/bin/printf, with a password among its arguments
  put() { print -r -- "$1"; }
fi

doing() { # what a long silence is owed to
  [ "$alive" = 0 ] || put "${line_end}reconcile-doing $1" >&2
}

start_signs() { # the loop ends within a sign's time whatever became of this process, and holds up no stream
  [ "$alive" != 0 ] || return 0
  trap end_signs EXIT
  (
    trap - EXIT
    while sleep "$alive" 2>/dev/null && IFS= read -r state 2>/dev/null <"/proc/$$/stat"; do
      case ${state##*)} in ' Z'*) exit ;; esac # dead, and nobody has looked yet
      put "${line_end}reconcile-alive" >&2 || exit
    done
  ) </dev/null >/dev/null &
  heart=$!
}

end_signs() { # bash would tell of the dead, where it finds one by itself
  [ -z "$heart" ] || { kill -9 "$heart" && wait "$heart"; } 2>/dev/null || :
  heart=''
}

tell_session() { put "$line_end$session_nonce $1"; }

as_root() { # runs the boot line with root's rights; the first words are how to become root
  "$@" env -i PATH="$PATH" LC_ALL=C /bin/sh -c "$boot"
}

find_root() { # how to become root without a password: $become; else $locked where a password may help, or $no_root why not
  become='' locked='' no_root=''
  if command -v sudo >/dev/null; then
    doing 'trying sudo'
    no_root=$(as_root sudo -n </dev/null 2>&1 >/dev/null) && become='sudo -n' && return
    case $no_root in
    *'password is required'* | *'password for '* | *'terminal is required'*) locked=yes ;;
    esac
    no_root=${no_root%%"$line_end"*}
  elif command -v doas >/dev/null; then
    doing 'trying doas'
    no_root=$(as_root doas -n </dev/null 2>&1 >/dev/null) && become='doas -n' && return
    no_root=${no_root%%"$line_end"*}
    case $no_root in *'uthenti'* | *'uthoriz'*) no_root='doas takes a password from a terminal only' ;; esac
  else
    no_root='neither sudo nor doas is there'
  fi
}

tell_root() { # what an agent with root's rights reads: the program, who it is, and its input
  put "=reconcile= $((${#agent} + 1))"
  put "$agent"
  put "session root $alive $session_nonce $input_length"
  if [ "$input_length" = 0 ]; then cat; else put "$input"; fi
}

become_root() { # with the password that stdin holds next; fails where there is none
  IFS= read -r password && [ -n "$password" ] || return 1
  {
    put "$password"
    IFS= read -r answer && [ "$answer" = go ] && tell_root
  } | { as_root sudo -S -p '=reconcile-password=' || tell_session password-refused; }
}

offer_root() { # after an answer with the door's rights
  [ "${rights-}:${locked-}" = ask:yes ] || return 0
  tell_session password
  while become_root; do :; done
}

begin_session() {
  IFS=' ' read -r word rights alive session_nonce input_length || word=''
  [ "$word" = session ] || exit 65
  [ "$rights" = root ] || start_signs
  input='' locked=''
  [ "$input_length" = 0 ] || input=$(dd bs="$input_length" count=1 iflag=fullblock 2>/dev/null)
  case $rights in
  own) return ;;
  root) ;;
  password)
    tell_session password
    become_root
    exit
    ;;
  *)
    if [ "$(id -u)" != 0 ]; then
      find_root
      if [ -n "$become" ]; then
        tell_root | as_root $become
        exit
      fi
      tell_session "no-root $no_root"
      return
    fi
    ;;
  esac
  tell_session root
}

is_part=${part-} signs=${alive-0} heart=''
unset part alive # they come from the environment, and no program is to see them
alive=$signs
[ -n "$is_part" ] || begin_session # a part of the work with a user's rights is no session of its own
