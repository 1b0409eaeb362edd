# shellcheck shell=sh
# The run, from its input to its end.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

walk() { # all tasks, in order
  if is_work || [ -s "$stage/released" ]; then
    begin_generation || give_up_all
    make_early_directories
    stage_files 1 "$tasks" ''
    [ -z "$programs" ] || judge_early
  fi
  while [ "$at" -le "$tasks" ] && [ -z "$stopped" ]; do
    load "$at"
    encode "$kind $path$words"
    doing "$encoded"
    if [ "$kind" = run ]; then with_words program "$words"; else segment; fi
  done
  for change in $changes; do
    eval "verdict=\$result_$change touched=\$touched_$change last=\$last_$change"
    case $verdict:$last:$touched in
    :0:*) finish "$change" 'done' '' ;;
    :*:yes) finish "$change" failed 'interrupted when a part of it was written' ;;
    :*) finish "$change" untried interrupted ;;
    esac
  done
}

is_work() { # whether anything is left to do; $programs, whether programs are among it
  nth=0 work='' programs=''
  while [ "$nth" -lt "$tasks" ]; do
    nth=$((nth + 1))
    load "$nth"
    case $verdict:$state:$kind in
    :todo:run) work=yes programs=yes ;;
    :todo:*) work=yes ;;
    esac
  done
  [ -n "$work" ]
}

give_up_all() { # without a journal nothing is written
  why="the journal cannot be written: ${why##*: }" untold=yes
  for change in $changes; do
    eval "verdict=\$result_$change last=\$last_$change"
    case $verdict:$last in
    :0 | [!:]*) ;;
    *)
      untold=''
      finish "$change" failed "$why"
      ;;
    esac
  done
  [ -z "$untold" ] || emit note "$why" # what was to be forgotten only
}

judge_early() { # all that could be staged, before the first program or switch
  close_copies
  flush "$unsynced"
  unsynced=''
  look 1 "$tasks"
  nth=0
  while [ "$nth" -lt "$tasks" ]; do
    nth=$((nth + 1))
    load "$nth"
    if [ -z "$verdict" ] && [ "$staged" = yes ]; then judge; fi
  done
}

enter_root() {
  decode "$1"
  case $decoded in
  '') cd / ;;
  .) prefix=. ;;
  *)
    cd -P -- "$decoded" 2>/dev/null || give_up "cannot enter the root file system $decoded"
    prefix=.
    ;;
  esac
  state_folder=$prefix/var/lib/reconcile
  if [ "$decoded" = . ] || { [ -z "$decoded" ] && [ "$uid" != 0 ]; }; then
    [ -n "${HOME-}" ] || give_up 'HOME is not set'
    state_folder=$prefix$HOME/.local/state/reconcile
  fi
}

make_stage() { # the private directory $stage of this run
  if [ "$uid" = 0 ]; then
    doubt / /var /var/lib /var/lib/reconcile
    why=${doubts#*"$newline"}
    [ -z "$doubts" ] || give_up "no state folder can be had: ${doubts%%"$newline"*} ${why%%"$newline"*}"
  fi
  if [ "$state_folder" = "$prefix/var/lib/reconcile" ]; then
    [ -d "$prefix/var/lib" ] || why=$(umask 022; mkdir -p -- "$prefix/var/lib" 2>&1) || give_up "$why"
    [ -d "$state_folder" ] || why=$(umask 066; mkdir -p -- "$state_folder" 2>&1) || give_up "$why"
  else
    [ -d "$state_folder" ] || why=$(mkdir -p -- "$state_folder" 2>&1) || give_up "$why"
  fi
  trap leave EXIT
  began_process 1
  stage=$ticks.$nonce
  began_process $$
  stage=$state_folder/stage.$$.$ticks.$stage
  why=$(mkdir -- "$stage" 2>&1) || give_up "$why"
}

unpack() { # the archive on stdin, whose manifest has the digest $1
  why=$(tar -xof - -C "$stage" 2>&1) || {
    plain_words
    give_up "the input could not be unpacked: ${why%%"$newline"*}"
  }
  exec </dev/null
  [ -f "$stage/manifest" ] || give_up 'the input did not arrive whole'
  line=$(sha256sum <"$stage/manifest") || line=''
  [ "${line%% *}" = "$1" ] || give_up 'the input did not arrive as it was sent'
  why=$(cd -P -- "$stage" && sha256sum -c manifest 2>&1) || give_up 'the input did not arrive as it was sent'
  {
    IFS= read -r line && IFS= read -r covered_nonce && IFS= read -r covered_root && IFS= read -r covered_who
  } <"$stage/head" || covered_nonce=''
  [ "$covered_nonce|$covered_root|$covered_who" = "$nonce|$root|$who" ] || give_up 'the input did not arrive as it was sent'
}

leave() {
  trap '' INT QUIT TERM
  discard 1 "$tasks"
  IFS=$newline
  set -- $asides
  IFS=' '
  [ $# = 0 ] || take_away "$@" || :
  settle_gone
  [ -z "$stage" ] || [ -n "$outs$unfinished" ] || rm -rf -- "$stage" # else the next run needs it to clear up
  give_lock_up
  rmdir -- "$state_folder" 2>/dev/null || : # if nothing is kept in it
  end_signs
}

trap '' HUP PIPE
trap hear INT QUIT TERM
if [ "$is_part" = watch ]; then
  keep_watch "$@"
  exit
fi
word='' root='' who='' manifest=''
IFS= read -r word && IFS= read -r nonce && IFS= read -r root && IFS= read -r who && IFS= read -r manifest || word=''
[ "$word" = reconcile-apply ] || {
  put 'reconcile: the input did not arrive whole' >&2
  exit 65
}
for tool in cat chmod chown cp id ln mkdir mv readlink rm rmdir sha256sum stat sync tar; do
  command -v "$tool" >/dev/null || give_up "there is no $tool here"
done
uid=$(id -u)
if [ $# -gt 0 ]; then
  [ "$uid" = "$1" ] || [ "$root:${uid#0}" = ".:$uid" ] || give_up "this runs as the user number $uid instead of $1"
  shift
fi
enter_root "$root"
make_stage
unpack "$manifest"
take_lock "$who" # now that nothing is waited for any more
(
  recover_watches
  recover
)
for number do eval "result_$number=failed"; done
load_tasks
post_watch
emit start ''
check_parents
look 1 "$tasks"
settle
walk
forget_generations
record_effects
start_users
hand_over_watch
uninstall
end_generation
emit end ''
