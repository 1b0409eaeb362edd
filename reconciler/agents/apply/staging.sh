# shellcheck shell=sh
# The new file, link or tree beside its place, as it will be.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

dress() { # the file $1 gets the owner $2, the group $3 (empty: as it is) and the mode $4; chown first, it clears setuid
  if [ -n "$2$3" ]; then
    spec_of "$2" "$3" || return 1
    why=$(chown -h -- "$spec" "$1" 2>&1) || {
      case $why in
      *invalid* | *unknown*) why="there is no owner $spec here" ;;
      *) why="it cannot be given to $spec (${why##*: })" ;;
      esac
      return 1
    }
  fi
  [ -n "$4" ] || return 0
  # With fewer than five digits GNU chmod leaves the setgid bit of a directory alone.
  why=$(chmod -- "0000$4" "$1" 2>&1) || return 1
}

spec_of() { # the owner $1 and the group $2 as chown takes them, by number where the names are another root's: $spec
  spec_owner=$1 spec_group=$2 # root by number: its name may be what is to be brought back
  [ "$1" != root ] || spec_owner=0
  [ "$2" != root ] || spec_group=0
  if [ -n "$prefix" ] && [ -n "$1" ]; then
    why="there is no user $1 in its /etc/passwd"
    number_of passwd "$1" || return 1
    spec_owner=$number
  fi
  if [ -n "$prefix" ] && [ -n "$2" ]; then
    why="there is no group $2 in its /etc/group"
    number_of group "$2" || return 1
    spec_group=$number
  fi
  spec=$spec_owner${spec_group:+:$spec_group}
}

make_directory() {
  why=$(mkdir -- "$place" 2>&1) || return 1
  dress "$place" "$owner" "$group" "$mode" || {
    rmdir -- "$place" 2>/dev/null || :
    return 1
  }
}

set_mode() {
  keep=''
  case $now_mode in [2-7]???) keep=$now_mode ;; esac # chown takes setuid and setgid away
  dress "$place" "$owner" "$group" "${mode:-$keep}"
}

stage_one() { # the new file, link or tree beside its place, as it will be
  recall "$this"
  why="$temp stands in the way"
  ! exists "$temp" || return 1
  [ -z "$fetch" ] || fetch_content || return 1
  [ "$kind" = remove ] || eval "staged_$this=yes"
  case $kind in
  link)
    keep_before && why=$(ln -s -- "$target" "$temp" 2>&1)
    ;;
  unpack)
    ! stage_tree || return 0
    [ -z "$stopped" ] || why=interrupted
    return 1
    ;;
  remove) keep_before ;;
  *) keep_before && stage_file ;;
  esac || {
    reason "$why"
    return 1
  }
}

stage_file() {
  # cp makes it with the mode of its source, 0600 (with O_EXCL; busybox without). A shell's `>` would leave the mode to
  # the directory's default access list, where it has one, whatever the umask. Nobody can guess the name.
  why=$(cp -- "$stage/$content" "$temp" 2>&1) || return 1
  if [ "$now_type:$base" != file:file ]; then
    dress "$temp" "$owner" "$group" "${mode:-644}"
  elif [ "$attributes" != yes ]; then
    dress "$temp" "${owner:-$now_uid}" "${group:-$now_gid}" "${mode:-$now_mode}"
  elif agrees "$mode" "$owner" "$group"; then
    why=$(cp --attributes-only --preserve=mode,ownership,xattr -- "$place" "$temp" 2>&1)
  else
    # An access list goes with the mode it belongs to. The old mode must not show for a moment: it may be the wider.
    why=$(cp --attributes-only --preserve=xattr -- "$place" "$temp" 2>&1) &&
      dress "$temp" "${owner:-$now_uid}" "${group:-$now_gid}" "${mode:-$now_mode}"
  fi
}

make_early_directories() { # those that wait for nothing but one another, so that files can be staged in them
  nth=0
  while [ "$nth" -lt "$tasks" ] && [ -z "$stopped" ]; do
    nth=$((nth + 1))
    load "$nth"
    if [ "$kind:$early:$state" = directory:yes:todo ] && is_open; then perform; fi
  done
}

stage_files() { # of the tasks $1 to $2, where there is a directory for them already, or only the early ones
  nth=$1
  while [ "$nth" -le "$2" ] && [ -z "$stopped" ]; do
    load "$nth"
    case $kind:$state:$staged:${early:-$3} in
    write:todo::yes | link:todo::yes | unpack:todo::yes | remove:todo::yes)
      if [ -d "$prefix$directory" ] || [ "$nth" = "$1" ]; then stage_next; fi
      ;;
    esac
    nth=$((nth + 1))
  done
}

stage_next() {
  is_open || return 0
  if [ -z "$attributes" ] && [ "$kind:$base" = write:file ]; then
    attributes=yes
    why=$(cp --attributes-only --preserve=mode,ownership,xattr -- "$stage/tasks" "$stage/parents" 2>&1) || case $why in
    *' option'*) attributes=no ;;
    esac
  fi
  if stage_one; then
    [ "$kind" != write ] || unsynced=$unsynced$temp$newline
  else
    case $kind in
    remove) finish "$change" failed "cannot remove $path: $why" ;;
    unpack) finish "$change" failed "cannot unpack $path: $why" ;;
    *) finish "$change" failed "cannot write $path: $why" ;;
    esac
  fi
}

flush() { # makes the files and directories in the lines of $1 durable; $unflushed keeps those that failed, $flaw why
  IFS=$newline
  set -- $1
  IFS=' '
  [ $# -gt 0 ] || return 0
  sync -- "$@" 2>/dev/null || for file do
    [ -e "$file" ] || case $file in */) continue ;; esac # a directory that went after what was in it
    why=$(sync -- "$file" 2>&1) || unflushed=$unflushed$file$newline flaw=${why##*: }
  done
}

is_flushed() { # whether $1 could be made durable; if not, the loaded task's change has failed
  case $newline$unflushed in
  *"$newline$1$newline"*) finish "$change" failed "cannot make $path durable: $flaw" ;;
  *) return 0 ;;
  esac
  return 1
}
