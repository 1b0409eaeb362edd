# shellcheck shell=sh
# Tasks that run a program.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

title_of() { # what people call the program that the words $@ run, behind env and its variables, or as a script: $title
  title=$1
  case $1 in
  env)
    while [ $# -gt 1 ]; do
      shift
      case $1 in *=*) ;; *) break ;; esac
    done
    title=$1
    ;;
  sh)
    while [ $# -gt 2 ] && [ "$1" != -c ]; do shift; done
    title=${3-sh}
    ;;
  esac
}

program() { # runs the words $@ of the loaded task
  if is_open; then
    title_of "$@"
    (
      trap - HUP INT PIPE QUIT TERM
      exec 9>&- # what goes on in the background does not hold the lock
      exec timeout -k 5 "$timeout" "$@"
    ) <"$stage/$input" >/dev/null 2>"$stage/error" &
    await $!
    case $code:$stopped in
    0:*)
      eval "touched_$change=yes"
      [ "$last" != "$at" ] || finish "$change" 'done' ''
      tell_ledger
      ;;
    *:yes) finish "$change" failed "$title was interrupted" ;;
    124:* | 137:* | 143:*) finish "$change" failed "$title did not end within $timeout s" ;;
    *)
      text=$(tail -n 12 -- "$stage/error" | tail -c 4000) || text=''
      case $text in *"$newline"*) text=$newline$text ;; *) text=" $text" ;; esac
      finish "$change" failed "$title ended with $code:$text"
      ;;
    esac
  fi
  at=$((at + 1))
}
