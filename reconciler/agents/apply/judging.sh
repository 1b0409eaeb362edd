# shellcheck shell=sh
# Whether a task is done already, may be done, and still finds what it was planned against.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

is_reached() { # whether what was recalled is what the loaded task leaves behind
  case $kind in
  write) [ "$now_type" = file ] && [ "$now_digest" = "$digest" ] && agrees "$mode" "$owner" "$group" ;;
  unpack)
    [ "$now_type:$now_digest $now_strip" = "directory:$digest $strip" ] && agrees "$mode" "$owner" "$group"
    ;;
  directory) [ "$now_type" = directory ] ;;
  link) [ "$now_type" = link ] && [ "$now_link" = "$target" ] ;;
  remove | clear) [ "$now_type" = missing ] ;;
  mode) [ "$now_type" != missing ] && agrees "$mode" "$owner" "$group" ;;
  *) false ;;
  esac
}

is_base() { # whether what was recalled is what the loaded task was planned against; if not: $why
  why=''
  case $now_type:${base:-missing} in
  missing:missing) ;;
  missing:*) why='it is gone' ;;
  unknown:*) why='it changes right now' ;;
  *)
    if [ "$now_type" != "${base:-missing}" ]; then
      why="a $now_type is there now"
    elif [ "${base_digest:-$now_digest}" != "$now_digest" ]; then
      why='its content is another'
    elif [ "${base_link:-$now_link}" != "$now_link" ]; then
      why="it leads to $now_link now"
    elif ! agrees "$base_mode" "$base_owner" "$base_group"; then
      why="its mode and owner are $rights now"
    fi
    ;;
  esac
  [ -z "$why" ] || why="moved since the plan: $path ($why)"
  [ -z "$why" ]
}

is_possible() { # whether the loaded task can be done to what was recalled; if not: $why
  why=''
  case $kind:$now_type in
  run:*) [ -z "$prefix" ] || why='a program is not run in a root file system that is at rest' ;;
  *:missing) ;;
  write:file | write:link | link:file | link:link) ;;
  write:* | link:*) why="$path is a $now_type: nothing is put in its place" ;;
  remove:file | remove:link | remove:directory) ;;
  remove:*) why="$path is a $now_type: only files, links and empty directories are removed" ;;
  mode:link) [ -z "$mode" ] || why="$path is a link: it has no mode of its own" ;;
  unpack:*)
    if [ -n "$after" ]; then
      : # another stands there by then
    elif [ "$now_type" = directory ]; then
      is_replaceable || :
    else
      why="$path is a $now_type: nothing is unpacked in its place"
    fi
    ;;
  clear:directory) is_replaceable || : ;;
  clear:*) why="$path is a $now_type, no directory that was unpacked" ;;
  esac
  [ -z "$why" ]
}

settle() { # which tasks are done already, which can be done, which are refused
  nth=$tasks
  while [ "$nth" -gt 0 ]; do
    load "$nth"
    if [ -z "$verdict$late" ] && [ "$kind" != run ] && [ "$kind" != mode ]; then
      recall "$nth"
      # What is left behind at a path makes good for the tasks that come before on it.
      ! is_reached || while [ -n "$nth" ]; do
        eval "state_$nth=done nth=\$after_$nth"
      done
    fi
    nth=$((this - 1))
  done
  while [ "$nth" -lt "$tasks" ]; do
    nth=$((nth + 1))
    load "$nth"
    if [ -z "$verdict$late" ] && [ "$state" = todo ]; then settle_task; fi
  done
}

settle_task() {
  why='' now_type=''
  if [ "$kind" != run ]; then
    recall "$this"
    before='done'
    [ -z "$after" ] || eval "before=\$state_$after"
    if [ "$before" = "done" ] && is_reached; then
      eval "state_$this=done"
      return
    fi
  fi
  # Only the first task at a path finds there what the plan saw.
  if [ "$kind" = run ] || [ -n "$after" ] || is_base; then is_possible || :; fi
  [ -z "$why" ] || finish "$change" refused "$why"
}

check_parents() { # refuses what root would write below a directory that somebody else can change
  [ "$uid" = 0 ] || return 0
  with_words doubt parents
  IFS=$newline
  set -- $doubts
  IFS=' '
  while [ $# -gt 0 ]; do
    nth=0
    while [ "$nth" -lt "$tasks" ]; do
      nth=$((nth + 1))
      load "$nth"
      case $verdict:$path in
      ":${1%/}/"*) [ "${late:-0}" -ge "$at" ] || finish "$change" refused "$1 $2" ;;
      esac
    done
    shift 2
  done
}
