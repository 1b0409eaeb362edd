# shellcheck shell=sh
# What runs left that did not come to their end. Who has the lock has all stages to himself but those of runs that still
# wait for their input. A stage bears its process, when that began, and when the first process did: numbers alone come
# again, and mean others in another container.
#
# Its tasks say what may be beside which places. Until the mark of a segment is in "switch", that is a staged file, of
# which nobody knows whether it is whole. After it, it may be what came out of the place: the bytes before, which are kept,
# or somebody else's. A place that was written to is finished from the staged file.

# shellcheck disable=SC2154,SC2034  # other parts of the agent assign and read these

recover() {
  set +f
  set -- "$state_folder"/stage.*
  set -f
  for dead do
    shift
    old_process=${dead##*/stage.}
    old_began=${old_process#*.}
    began_process "${old_process%%.*}"
    if [ ! -d "$dead" ] || [ "$dead" = "$stage" ]; then continue; fi
    if [ -s "$dead/generation" ]; then
      recover_run || continue
    elif may_live; then
      continue
    fi
    set -- "$@" "$dead"
  done
  settle_gone
  [ $# = 0 ] || rm -rf -- "$@"
}

may_live() { # whether the run of the stage $dead may be waiting for its input still; $ticks is of its process number here
  old_life=${old_began#*.}
  [ "$ticks" != "${old_began%%.*}" ] || return 0
  began_process 1
  [ "$ticks" != "${old_life%%.*}" ] || return 1
  line=$(find "$dead" -prune -mmin -120 2>/dev/null) && [ -n "$line" ] # in a container, or before the last start
}

recover_run() { # of the stage $dead; fails where something of it could not be cleared up
  own_nonce=$nonce own_stage=$stage left=0 kept='' unfinished=''
  stage=$dead
  if { IFS= read -r generation <"$dead/generation" && IFS= read -r _ && IFS= read -r nonce; } <"$dead/head"; then
    load_tasks
    doubts=''
    if [ "$uid" = 0 ]; then with_words doubt parents; fi
    at=1
    while [ -z "$doubts" ] && [ "$at" -le "$tasks" ]; do
      load "$at"
      [ "$kind" = run ] || recover_task
      at=$((at + 1))
    done
    [ -n "$unfinished" ] || append "{\"generation\": $generation, \"recovered\": true}" || :
    sync -- "$state_folder/ledger" 2>/dev/null || :
  fi
  nonce=$own_nonce stage=$own_stage
  tell_recovered
  [ -z "$unfinished" ]
}

tell_recovered() {
  text="the run with the number $generation was interrupted"
  [ "$left" = 0 ] || text="$text; $left of its files beside their places were cleared away"
  [ -z "$unfinished" ] || text="$text; not all that it left can be cleared away"
  emit recovered "$text$kept"
}

recover_task() { # the loaded one
  gone=$gone$prefix$directory$newline # also of what the run took away itself, which may not be durable yet
  exists "$temp" || exists "$temp.old" || return 0
  case $kind in
  unpack | clear) recover_tree ;;
  *)
    if was_switching; then
      finish_in_place
      recover_file "$temp"
      recover_file "$temp.old"
    else
      take_away "$temp" || unfinished=yes
    fi
    ;;
  esac
  left=$((left + 1))
}

was_switching() { # whether the segment of the loaded task had begun to switch; $in_place where it was written to
  in_place='' marked=''
  [ -f "$dead/switch" ] || return 1
  while IFS=' ' read -r from to; do
    case $from:$to in
    place:"$this") in_place=yes ;;
    *[!0-9:]* | :* | *:) ;;
    *) [ "$from" -gt "$this" ] || [ "$to" -lt "$this" ] || marked=yes ;;
    esac
  done <"$dead/switch"
  [ -n "$marked$in_place" ]
}

finish_in_place() { # what was written to, and is neither old nor new
  [ -n "$in_place" ] && is_staged_file "$temp" || return 0
  now_type='file' now_digest=$base_digest
  ! is_as_seen "$place" && ! is_staged_file "$place" && [ -f "$place" ] && [ ! -L "$place" ] || return 0
  is_beginning || { cp -- "$place" "$temp.torn" 2>/dev/null && keep_as_conflict "$temp.torn"; } || return 0
  cat -- "$temp" 2>/dev/null >"$place" && sync -- "$place" 2>/dev/null || :
}

is_beginning() { # whether the place holds nothing but a beginning of what was written to it
  size=$(stat -c %s -- "$place") || return 1
  first=$(dd if="$temp" bs="${size:-0}" count=1 2>/dev/null | sha256sum) && line=$(sha256sum <"$place") || return 1
  [ "$size" = 0 ] || [ "${first%% *}" = "${line%% *}" ]
}

recover_file() { # $1, which came out of its place, or did not get there
  exists "$1" || return 0
  now_type=${base:-missing} now_digest=$base_digest now_link=$base_link
  if [ -z "$base_digest" ] && [ "$base" = file ] && line=$(sha256sum <"$state_folder/before/$generation/$this"); then
    now_digest=${line%% *}
  fi
  if is_as_seen "$1" || is_staged_file "$1" || { [ "$1" = "$temp.old" ] && ln -T -- "$1" "$place" 2>/dev/null; }; then
    rm -f -- "$1" 2>/dev/null || unfinished=yes
  else
    keep_as_conflict "$1" || unfinished=yes
  fi
}

keep_as_conflict() {
  keep_conflict "$1" "$this" || return 1
  kept="$kept; an edit of $path is kept in ${conflict#"$prefix"}"
}

recover_tree() { # an exchange of trees that had begun is finished: the new one was whole and judged when the old one went
  if exists "$temp.old" && exists "$temp" && ! exists "$place"; then
    mv -fT -- "$temp" "$place" 2>/dev/null || return 0
  fi
  take_away "$temp" "$temp.old" || unfinished=yes
}
