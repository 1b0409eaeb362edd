# shellcheck shell=sh
# The switch of one file: new takes the place of old, and what comes out is what was looked at, or it goes back.
#
# Files change places in one step where the machine has a program for that: what came out cannot be missed then, however
# somebody else wrote it. Where it has none, the old file gets a second name first; between looking at that and the rename,
# an edit by rename can be lost. What is mounted on, and file systems that know neither, are written in place from the
# staged file, which stays until that is durable.

# shellcheck disable=SC2154,SC2034  # other parts of the agent assign and read these

exchanger='' outs='' unfinished=''

find_exchanger() { # the program that can exchange two files, tried on two of ours: $exchanger, or none
  for exchanger in exch mv perl; do
    command -v "$exchanger" >/dev/null || continue
    if put new >"$stage/one" && put old >"$stage/two" && exchange "$stage/one" "$stage/two"; then
      IFS= read -r line <"$stage/one"
      [ "$line" = new ] || return 0
    fi
  done
  exchanger=none
}

exchange() { # the files $1 and $2; fails with $why
  case $exchanger in
  exch) why=$(exch -- "$1" "$2" 2>&1) ;;
  mv) why=$(mv --exchange -T -- "$1" "$2" 2>&1) ;;
  perl)
    [ -n "${call-}" ] || call=$(uname -m) || call=''
    case $call in
    x86_64) call=316 ;;
    aarch64 | riscv64 | loongarch64) call=276 ;;
    i?86) call=353 ;;
    arm*) call=382 ;;
    esac
    why=$(perl -e 'syscall($ARGV[0] + 0, -100, $ARGV[1], -100, $ARGV[2], 2) and die "$!\n"' "$call" "$1" "$2" 2>&1)
    ;;
  *) why='Function not implemented' && return 1 ;;
  esac
}

is_as_seen() { # whether what stands at $1 has the bytes, or leads where, the place of the loaded task had and did: $now_*
  case $now_type in
  link) [ -L "$1" ] && link=$(readlink -- "$1") && [ "$link" = "$now_link" ] ;;
  *)
    [ -f "$1" ] && [ ! -L "$1" ] && line=$(sha256sum <"$1") && [ "${line%% *}" = "$now_digest" ]
    ;;
  esac
}

is_staged_file() { # whether what stands at $1 is what the loaded task puts there
  case $kind in
  link) [ -L "$1" ] && link=$(readlink -- "$1") && [ "$link" = "$target" ] ;;
  *) [ -f "$1" ] && [ ! -L "$1" ] && line=$(sha256sum <"$1") && [ "${line%% *}" = "$digest" ] ;;
  esac
}

take_place() { # the staged file of the loaded task; fails with $why, $moved where somebody else was faster
  moved=''
  if [ "$now_type" = missing ]; then put_new; else put_for_old; fi || return 1
  eval "staged_$this=''"
}

put_new() { # where nothing is, and nothing must have come meanwhile
  if why=$(ln -T -- "$temp" "$place" 2>&1); then
    out "$temp"
    return
  fi
  moved=yes why='it is there now'
  ! exists "$place" || return 1
  moved='' # a file system without hard links
  why=$(mv -fT -- "$temp" "$place" 2>&1)
}

put_for_old() {
  [ -n "$exchanger" ] || find_exchanger
  if exchange "$temp" "$place"; then
    if is_as_seen "$temp"; then out "$temp"; else put_back; fi
    return
  fi
  case $why in
  *busy*) write_in_place ;;
  *) put_over ;;
  esac
}

put_back() { # what the exchange brought out is somebody else's
  moved=yes flaw=''
  exchange "$temp" "$place" && is_staged_file "$temp" || flaw=$why
  if [ -n "$flaw" ] || ! is_staged_file "$temp"; then
    save_edit "$temp"
    eval "staged_$this=''"
  fi
  why='it was changed at the same moment'
  return 1
}

put_over() { # by a rename, once the old file has a second name
  why=$(ln -T -- "$place" "$temp.old" 2>&1) || {
    put_blindly
    return
  }
  moved=yes flaw='it was changed at the same moment'
  if is_as_seen "$temp.old"; then
    moved=''
    if rename_over; then
      out "$temp.old"
      return
    fi
    flaw=$why
  fi
  gone=$gone$prefix$directory$newline
  take_away "$temp.old" || unfinished=yes
  why=$flaw
  return 1
}

rename_over() {
  why=$(mv -fT -- "$temp" "$place" 2>&1) && return
  # busybox looks through a link to a directory. Only there is a moment with nothing in the place.
  case $why in
  *busy*)
    write_in_place
    return
    ;;
  *" is a directory") [ -L "$place" ] || return 1 ;;
  *) return 1 ;;
  esac
  why=$(rm -f -- "$place" 2>&1) && why=$(mv -fT -- "$temp" "$place" 2>&1)
}

put_blindly() { # on a file system without hard links
  is_as_seen "$place" || {
    moved=yes why='it was changed at the same moment'
    return 1
  }
  rename_over
}

write_in_place() { # what cannot be replaced, being mounted on; the staged file stays until that is durable
  is_as_seen "$place" || {
    moved=yes why='it was changed at the same moment'
    return 1
  }
  why='No space left on device'
  put "place $this" 2>/dev/null >>"$stage/switch" && why=$(sync -- "$stage/switch" 2>&1) || return 1
  pour "$temp" || {
    # What was there comes back; where it cannot, the next run finishes what began here.
    flaw=$why
    pour "$images/$this" || eval "unfinished=yes staged_$this=''"
    why=$flaw
    return 1
  }
  discard "$this" "$this"
  [ -z "$mode$owner$group" ] || dress "$place" "$owner" "$group" "$mode"
}

save_edit() { # what somebody else wrote at the place of the loaded task, and is in $1
  if keep_conflict "$1" "$this"; then
    emit note "an edit of $path is kept in ${conflict#"$prefix"}"
  else
    emit note "an edit of $path is in ${1#"$prefix"} now"
  fi
}

pour() { # the bytes of $1 into what stands at the place of the loaded task; fails with $why
  why=$(exec 2>&1; cat -- "$1" >"$place") && why=$(sync -- "$place" 2>&1)
}

take_out() { # what the loaded task removes; it leaves its place by a rename, and comes back if it is something else
  moved=''
  why=$(mv -fT -- "$place" "$temp.old" 2>&1) || return 1
  if is_as_seen "$temp.old"; then
    out "$temp.old"
    return
  fi
  moved=yes why='it was changed at the same moment'
  if ln -T -- "$temp.old" "$place" 2>/dev/null; then
    gone=$gone$prefix$directory$newline
    rm -f -- "$temp.old"
  else
    save_edit "$temp.old"
  fi
  return 1
}

out() { # the file $1 came out of its place; it goes once nobody can have written to it any more
  eval "out_$this=\$1 out_type_$this=\$now_type out_digest_$this=\$now_digest"
  outs="$outs $this"
}

clear_outs() { # what came out and is still as it was; the rest was written to while it came out, and is kept
  [ -n "$outs" ] || return 0
  set --
  for slot in $outs; do
    eval "file=\$out_$slot type=\$out_type_$slot"
    [ "$type" != file ] || set -- "$@" "$file"
  done
  lines=''
  [ $# = 0 ] || sum_lines "$@"
  set --
  for slot in $outs; do
    eval "file=\$out_$slot type=\$out_type_$slot digest=\$out_digest_$slot out_$slot=''"
    line=${lines%%"$newline"*}
    [ "$type" != file ] || lines=${lines#*"$newline"}
    line=${line%% *}
    if [ "$type" = file ] && [ "${line#\\}" != "$digest" ]; then
      load "$slot"
      save_edit "$file"
    else
      set -- "$@" "$file"
    fi
  done
  outs=''
  [ $# = 0 ] || rm -f -- "$@" 2>/dev/null || unfinished=yes
}
