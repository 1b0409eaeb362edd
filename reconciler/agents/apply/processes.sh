# shellcheck shell=sh
# Processes, signals, and when a process began.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

hear() { # a signal: the step at work ends, nothing more begins
  stopped=yes
  [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || :
}

await() { # the end of the process $1, with its status in $code
  child=$1 code=0
  [ -z "$stopped" ] || kill -TERM "$child" 2>/dev/null || :
  wait "$child" || code=$?
  while [ -n "$stopped" ] && kill -0 "$child" 2>/dev/null; do # the signal has ended wait, not yet the child
    code=0
    wait "$child" || code=$?
  done
  child=''
}

labour() { # runs a program that may take long and that a signal ends; fails with what it said in $text, and $why
  (
    trap - HUP INT PIPE QUIT TERM
    exec "$@"
  ) >"$stage/said" 2>&1 &
  await $!
  [ "$code" != 0 ] || return 0
  why='No space left on device'
  rest=$(tail -c 4000 -- "$stage/said") || return 1
  text=''
  while :; do # the staged name is nobody's but ours
    case $rest in
    *"$temp"*) text=$text${rest%%"$temp"*}$path rest=${rest#*"$temp"} ;;
    *) break ;;
    esac
  done
  text=$text$rest
  why=${text%%"$newline"*} why=${why#"$1: "}
  why=${why:-$1 ended with $code}
  [ -z "$stopped" ] || why=interrupted
  return 1
}

began() { # when the process of the line $1 of /proc/PID/stat started, in ticks since boot: $ticks, or 0; a zombie is none
  ticks=0
  set -- ${1##*) }
  case ${1-} in Z | X) set -- ;; esac
  [ $# -lt 20 ] || ticks=${20}
  case $ticks in '' | *[!0-9]*) ticks=0 ;; esac
}

began_process() { # the same for the process number $1
  line=''
  [ ! -r "/proc/$1/stat" ] || { read -r line <"/proc/$1/stat"; } 2>/dev/null || :
  began "$line"
}
