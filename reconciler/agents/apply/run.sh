# shellcheck shell=sh
# The run, from its input to its end.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

walk() { # all tasks, in order
  make_early_directories
  stage_files 1 "$tasks" ''
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
  clear_dead_stages
  began_process $$
  stage=$state_folder/stage.$$.$ticks.$nonce
  trap leave EXIT
  why=$(mkdir -- "$stage" 2>&1) || give_up "$why"
}

clear_dead_stages() { # a stage bears its process and when that began: the number alone comes again
  set +f
  set -- "$state_folder"/stage.*
  set -f
  for old do
    shift
    old_process=${old##*/stage.}
    old_began=${old_process#*.}
    began_process "${old_process%%.*}"
    if [ -d "$old" ] && [ "$ticks" != "${old_began%%.*}" ]; then
      clear_beside "$old"
      set -- "$@" "$old"
    fi
  done
  [ $# = 0 ] || rm -rf -- "$@"
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
  { IFS= read -r line && IFS= read -r covered_nonce && IFS= read -r covered_root; } <"$stage/head" || covered_nonce=''
  [ "$covered_nonce|$covered_root" = "$nonce|$root" ] || give_up 'the input did not arrive as it was sent'
}

leave() {
  trap '' INT QUIT TERM
  discard 1 "$tasks"
  IFS=$newline
  set -- $asides
  IFS=' '
  [ $# = 0 ] || take_away "$@" || :
  rm -rf -- "$stage"
  end_signs
}

trap '' HUP PIPE
trap hear INT QUIT TERM
word='' root='' manifest=''
IFS= read -r word && IFS= read -r nonce && IFS= read -r root && IFS= read -r manifest || word=''
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
for number do eval "result_$number=failed"; done
load_tasks
emit start ''
check_parents
look 1 "$tasks"
settle
walk
record_effects
start_users
emit end ''
