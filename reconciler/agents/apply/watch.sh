# shellcheck shell=sh
# The way back from what may cut the controller off. It is prepared before anything is written, and a process of its own
# goes it, some time after the run is over, unless a new connection confirms before (confirm.sh).
#
#   watch.NONCE/   of the run with that nonce
#     back         the input of the run that leads back, as every other
#     run, watcher which process the run is and which counts down, with the tick of its start
#     decided/     made by the one who comes first: who confirms, or who leads back
#     report       the records of the run that led back

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

watch='' watched=''

post_watch() { # nothing is written where nobody can watch over it
  [ -s "$stage/watch" ] || return 0
  { IFS= read -r window && IFS= read -r longest && IFS= read -r digest && IFS= read -r watched; } <"$stage/watch"
  watch=$state_folder/watch.$nonce
  began_process $$
  why='the input did not arrive as it was sent'
  if line=$(sha256sum <"$stage/back") && [ "${line%% *}" = "$digest" ] && why=$(mkdir -- "$watch" 2>&1) && why=$(exec 2>&1 >"$watch/run"; put "$$ $ticks") &&
    why=$(mv -fT -- "$stage/back" "$watch/back" 2>&1) && start_watcher; then return 0; fi
  rm -rf -- "$watch"
  give_up "nobody can watch over what may cut access: ${why##*: }"
}

start_watcher() { # it holds neither the lock nor a stream, and no signal of a session that ends reaches it
  set -- env -i part=watch alive=0 PATH="$PATH" HOME="${HOME-}" USER="${USER-}" LOGNAME="${LOGNAME-}" \
    sh -c "$again" reconcile "$agent" "$watch" "$window" "$longest"
  ! command -v setsid >/dev/null || set -- setsid "$@"
  (
    trap '' HUP INT PIPE QUIT TERM
    exec 9>&-
    exec "$@"
  ) </dev/null >/dev/null 2>&1 &
  tries=0 why='the process that watches does not start'
  until [ -s "$watch/watcher" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || return 1
    sleep 0.1 2>/dev/null || sleep 1
  done
}

is_touched() { # whether anything of what is watched may be another than before; of users' parts nobody here knows
  for change in $watched; do
    eval "verdict=\${result_$change-user} touched=\${touched_$change-}"
    case $verdict:$touched in
    user:* | failed:* | *:yes) return 0 ;;
    esac
  done
  return 1
}

hand_over_watch() { # from here on the time counts
  [ -n "$watch" ] || return 0
  if is_touched; then emit watch "$window"; else rm -rf -- "$watch"; fi
}

keep_watch() { # over the folder $1, $2 seconds from the end of the run on, or $3 from its start
  watch=$1 left=$2 longest=$3
  began_process $$
  put "$$ $ticks" >"$watch/watcher"
  while [ "$longest" -gt 0 ] && is_running run; do
    sleep 1
    longest=$((longest - 1))
  done
  while [ "$left" -gt 0 ] && [ -d "$watch" ]; do
    sleep 1
    left=$((left - 1))
  done
  ! mkdir -- "$watch/decided" 2>/dev/null || lead_back
}

is_running() { # whether the process that the file $1 in $watch names is there
  process='' started=''
  { IFS=' ' read -r process started; } 2>/dev/null <"$watch/$1" || return 1
  began_process "$process"
  [ "$ticks" != 0 ] && [ "$ticks" = "$started" ]
}

lead_back() { # by a run like every other; while somebody else has the lock, and for two minutes at most, it waits
  tries=0 code=65
  while [ "$code" = 65 ] && [ "$tries" -lt 60 ]; do
    [ "$tries" = 0 ] || sleep 2
    tries=$((tries + 1)) code=0
    env -i part=back alive=0 PATH="$PATH" HOME="${HOME-}" USER="${USER-}" LOGNAME="${LOGNAME-}" \
      sh -c "$again" reconcile "$agent" <"$watch/back" >"$watch/report.new" || code=$?
  done
  mv -fT -- "$watch/report.new" "$watch/report"
}

recover_watches() { # folders that nobody watches over any more
  set +f
  set -- "$state_folder"/watch.*
  set -f
  for watch do
    if [ ! -d "$watch" ] || is_running watcher; then continue; fi
    if [ -s "$watch/report" ]; then
      emit recovered 'what could have cut access was led back, for nobody confirmed it'
    elif [ -s "$watch/back" ]; then
      emit recovered 'nobody watches any more over what could have cut access: it stays as it is'
    fi
    rm -rf -- "$watch"
  done
  watch=''
}
