# shellcheck shell=sh
# New takes the place of old: segment by segment, durable and read back.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

judge() { # the loaded task, right before the switches: whether its base still stands and its staged file is whole
  recall "$this"
  if ! has_lock; then
    finish "$change" refused 'another run has taken the lock over'
  elif [ -z "$after" ] && is_reached; then
    eval "state_$this=done"
  elif [ -z "$after" ] && ! { is_base && is_possible && is_whole; }; then
    finish "$change" refused "$why"
  elif is_flushed "$stage/switch" && is_kept; then
    case $kind:$staged in write:yes | unpack:yes) judge_staged ;; esac
  fi
}

judge_staged() {
  is_flushed "$temp" || return 0
  set -- "${mode:-644}" "$owner" "$group"
  [ "$now_type:$base" != file:file ] || set -- "${mode:-$now_mode}" "${owner:-$now_uid}" "${group:-$now_gid}"
  recall "t$this"
  if [ "$now_digest$now_strip" != "$digest$strip" ]; then
    finish "$change" failed "cannot write $path: what was written reads back as something else"
  elif ! agrees "$@"; then
    finish "$change" failed "cannot write $path: its mode or owner cannot be kept ($rights)"
  elif [ -n "$validate" ] && [ -z "$prefix$valid" ] && ! with_words is_valid "$validate"; then
    finish "$change" failed "cannot write $path: $why"
  fi
  eval "valid_$this=yes"
}

is_valid() { # whether the program with the words $@ takes the staged file; if not: $why. One that is not there is passed over
  command -v "$1" >/dev/null || return 0
  doing "checking $path"
  ! labour timeout -k 5 60 "$@" "$temp" || return 0
  case $code:$stopped in
  *:yes) ;;
  124:* | 137:* | 143:*) why="$1 did not end within 60 s" ;;
  *) why="$1 does not take it: ${text:-it ended with $code}" ;;
  esac
  return 1
}

with_words() { # calls the function $1 with the words in the file $2
  called=$1 list=$2
  set --
  while IFS= read -r line; do
    decode "$line"
    set -- "$@" "$decoded"
  done <"$stage/$list"
  "$called" "$@"
}

perform() { # the loaded task
  if [ -n "$after" ]; then # the task before it has changed what was seen
    look "$this" "$this"
    load "$look_end"
  fi
  recall "$this"
  changed=$prefix$directory verb=write moved=''
  case $kind in
  write | link) take_place ;;
  unpack) take_tree_place ;;
  clear)
    verb=remove
    why=$(mv -fT -- "$place" "$temp.old" 2>&1) && set_aside
    ;;
  directory) verb='make' && make_directory ;;
  remove)
    verb=remove
    if [ "$base" = directory ]; then why=$(rmdir -- "$place" 2>&1); else take_out; fi
    ;;
  mode)
    verb='set the mode or owner of'
    case $now_type in file | directory) [ ! -r "$place" ] || changed=$place ;; esac
    set_mode
    ;;
  esac || {
    reason "$why"
    case $moved in
    yes) finish "$change" refused "moved since the plan: $path ($why)" ;;
    *) finish "$change" failed "cannot $verb $path: $why" ;;
    esac
    return 0
  }
  eval "state_$this=done performed_$this=\$changed touched_$change=yes"
  [ -z "$after" ] || eval "superseded_$after=yes"
  case $newline$dirty in
  *"$newline$changed$newline"*) ;;
  *) dirty=$dirty$changed$newline ;;
  esac
}

segment() { # the tasks from $at up to the next program, or to what lies below a directory that has to be made first
  first=$at end=$at work=''
  while [ "$end" -le "$tasks" ]; do
    load "$end"
    if [ "$kind" = run ] || [ "${late:-0}" -ge "$first" ]; then break; fi
    [ "$verdict:$state" != :todo ] || work=yes
    end=$((end + 1))
  done
  end=$((end - 1))
  [ -z "$work" ] || ready
  while [ "$at" -le "$end" ] && [ -z "$stopped" ]; do
    load "$at"
    case $kind:$state:$staged:$verdict in
    write:todo:: | link:todo:: | unpack:todo::) break ;;
    esac
    if is_open && [ "$state" = todo ]; then perform; fi
    at=$((at + 1))
  done
  close "$first" "$((at - 1))"
}

ready() { # the tasks $first to $end: all that can be known and prepared before the first of them is done
  if [ "$first" -gt 1 ]; then # what came before may have changed all that was known
    check_parents
    look "$first" "$end"
  fi
  stage_files "$first" "$end" yes
  mark "$first" "$end"
  close_copies
  flush "$unsynced"
  unsynced=''
  check_parents
  look "$first" "$end"
  nth=$first
  while [ "$nth" -le "$end" ]; do
    load "$nth"
    if [ -z "$verdict" ] && [ "$state" = todo ] && [ "$kind" != run ]; then judge; fi
    nth=$((nth + 1))
  done
}

mark() { # that the tasks $1 to $2 may be switched; it is made durable after what they staged
  if put "$1 $2" 2>/dev/null >>"$stage/switch"; then
    unsynced=$unsynced$stage/switch$newline
  else
    unflushed=$unflushed$stage/switch$newline flaw='No space left on device'
  fi
}

close() { # tells of the changes that end among the tasks $1 to $2, once what was done is durable and has been read back
  clear_outs
  if [ -n "$dirty" ]; then
    flush "$dirty"
    dirty=''
    look "$1" "$2"
  fi
  nth=$1
  while [ "$nth" -le "$2" ]; do
    load "$nth"
    if [ -z "$verdict" ] && [ -n "$performed" ]; then read_back; fi
    if [ -n "$aside" ]; then take_away_aside; fi
    load "$nth"
    if [ -z "$verdict" ] && [ "$last" = "$nth" ]; then finish "$change" 'done' ''; fi
    nth=$((nth + 1))
  done
  tell_ledger
}

read_back() {
  is_flushed "$performed" || return 0
  [ -z "$superseded" ] || return 0
  recall "$this"
  is_reached || finish "$change" failed "$path does not read back as it was written: $now_type $rights"
}
