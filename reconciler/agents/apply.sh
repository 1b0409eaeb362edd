#!/bin/sh
# Applies the changes of one machine: one's own part, then each user's part with that user's rights.
#
# Started with $agent holding session.sh, trees.sh and this text, PATH set and an environment otherwise empty but for
# HOME. A user's part has arguments: the user's number, then the numbers of the changes that went wrong before.
#
# Reads four lines and a tar archive from stdin, both made by execution/payload.py:
#   reconcile-apply
#   a nonce, which begins every record
#   the root file system to work in: nothing (the running one), a directory, or "." (the current one: a user's part)
#   the SHA-256 of the archive's "manifest", which digests all else in the archive but for users' parts: they come with
#   such lines and manifests of their own
#
# Prints records, one a line:
#   NONCE change NUMBER STATUS TEXT  STATUS: done, refused, failed, untried, or skipped with a change's number as TEXT
#   NONCE part NUMBER TEXT           this user's part did not start, or not end, and why
#   NONCE note TEXT                  what went wrong beside the changes
#   NONCE stop TEXT                  nothing was written, and why
#   NONCE start                      from here on something may have been written
#   NONCE end
#
# Writes in its state folder and at the paths of the tasks, nowhere else (no /tmp). New bytes take their place by the
# rename of a synced neighbour. A part writes nothing before the whole of its input has matched its digests, nor where
# something else stands than the plan saw.
# Never runs data as code, follows a link at the end of a path, or opens other things than files and directories; as root
# never writes, reads or lists below a directory that somebody else can change.
#
# Processes: 12 to find that all is in place, 8 more to write something; then for each written file 3 or 4 (cp, cp again
# or chown and chmod, mv), for each program 1, and 10 to write on after it. sync, stat and sha256sum take all files at
# once. (bash needs some more: it forks for each `$(...)`.) A tree costs some 15, and 1 for each link in it.

# shellcheck disable=SC2086  # words are split on purpose, at IFS, without globs
# shellcheck disable=SC2154,SC2034  # eval assigns and reads the numbered variables
# shellcheck disable=SC1003  # that is a backslash

set -euf
umask 077
LC_ALL=C
export LC_ALL

newline='
'
nonce='' prefix='' stage='' stopped='' child='' doubts='' unflushed='' unsynced='' dirty=''
changes='' tasks=0 at=1 attributes='' flaw='' life=''

# ---- text and records

encode() { # $1 in one line: $encoded
  encoded='' rest=$1
  while :; do
    case $rest in
    *[\\"$newline"]*)
      head=${rest%%[\\"$newline"]*}
      rest=${rest#"$head"}
      case $rest in
      \\*) encoded=$encoded$head'\\' ;;
      *) encoded=$encoded$head'\n' ;;
      esac
      rest=${rest#?}
      ;;
    *)
      encoded=$encoded$rest
      return
      ;;
    esac
  done
}

decode() { # the reverse: $decoded
  decoded='' rest=$1
  while :; do
    case $rest in
    *\\*)
      decoded=$decoded${rest%%\\*}
      rest=${rest#*\\}
      case $rest in
      n*) decoded=$decoded$newline ;;
      *) decoded=$decoded\\ ;;
      esac
      rest=${rest#?}
      ;;
    *)
      decoded=$decoded$rest
      return
      ;;
    esac
  done
}

emit() { # a record; it begins a line of its own whatever was printed before
  encode "$2"
  put "$newline$nonce $1 $encoded" 2>/dev/null || :
}

give_up() { # before anything was written
  emit stop "$1"
  exit 65
}

reason() { # the system's own words at the end of the error message $1: $why
  why=${1##*: }
  why=${why:-no reason was given}
  [ -z "$stopped" ] || why=interrupted
}

plain_words() { # tar's own way to say it in $why
  case $why in *'Wrote only'*) why='No space left on device' ;; esac
}

# ---- processes

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

began() { # when the process of the line $1 of /proc/PID/stat started, in ticks since boot: $ticks, or 0
  ticks=0
  set -- ${1##*) }
  [ $# -lt 20 ] || ticks=${20}
  case $ticks in '' | *[!0-9]*) ticks=0 ;; esac
}

began_process() { # the same for the process number $1
  line=''
  [ ! -r "/proc/$1/stat" ] || { read -r line <"/proc/$1/stat"; } 2>/dev/null || :
  began "$line"
}

# ---- looking

stat_lines() { # TYPE|MODE|UID|GID|OWNER|GROUP for each path, "unknown" for one that vanished meanwhile: $lines
  format='%f|%a|%u|%g|%U|%G'
  lines=$(stat -c "$format" -- "$@" 2>/dev/null) ||
    lines=$(for file do stat -c "$format" -- "$file" 2>/dev/null || printf 'unknown\n'; done)
}

sum_lines() { # a line that begins with the digest for each file: $lines
  lines=$(sha256sum -- "$@" 2>/dev/null) ||
    lines=$(for file do sha256sum -- "$file" 2>/dev/null || printf 'unreadable\n'; done)
}

exists() {
  [ -e "$1" ] || [ -L "$1" ]
}

doubt() { # which of the directories that exist somebody else can change: in $doubts two lines each, itself and why
  doubts=''
  for folder do
    shift
    ! exists "$prefix$folder" || set -- "$@" "$prefix$folder"
  done
  [ $# -gt 0 ] || return 0
  stat_lines "$@"
  for folder do
    why_not_trusted "${lines%%"$newline"*}"
    lines=${lines#*"$newline"}
    [ -z "$why" ] || doubts=$doubts${folder#"$prefix"}$newline$why$newline
  done
}

why_not_trusted() { # the directory of the line $1 of stat: $why, or nothing
  IFS='|'
  set -- $1
  IFS=' '
  why='' keeper=${5-}
  case $prefix:$keeper in .:* | :UNKNOWN) keeper="the user number ${3-}" ;; esac
  case $1:${3-}:${2-} in
  a*) why='is a link now' ;;
  4???:0:*[2367]) why='can be written by everyone: root keeps out of it' ;;
  4???:0:*[2367]?) why="can be written by its group $6: root keeps out of it" ;;
  4???:0:*) ;;
  4*) why="can be written by $keeper: declare it under user:" ;;
  *) why='is no directory now' ;;
  esac
}

look() { # at what stands at the paths of the tasks $1 to $2, and at their staged files: seen_*_SLOT
  look_at=$1 look_end=$2 slots=''
  set --
  while [ "$look_at" -le "$look_end" ]; do
    load "$look_at"
    if [ "$kind" != run ] && [ -z "$verdict" ] && [ "${late:-0}" -lt "$at" ]; then
      see "$look_at" missing
      if exists "$place"; then
        set -- "$@" "$place"
        slots="$slots $look_at"
      fi
      if [ -n "$staged" ]; then
        set -- "$@" "$temp"
        slots="$slots t$look_at"
      fi
    fi
    look_at=$((look_at + 1))
  done
  [ $# -gt 0 ] || return 0
  stat_lines "$@"
  IFS=$newline
  set -- $lines
  IFS=' '
  for slot in $slots; do
    see "$slot" "$1"
    shift
  done
  look_inside
}

see() { # keep the line $2 of stat for the slot $1
  IFS='|'
  set -- "$1" $2
  IFS=' '
  case $2 in
  4???) type=directory ;;
  8???) type='file' ;;
  a???) type='link' ;;
  1???) type=fifo ;;
  c???) type=socket ;;
  [26]???) type=device ;;
  *) type=$2 ;;
  esac
  eval "seen_type_$1=\$type seen_mode_$1=\${3-} seen_uid_$1=\${4-} seen_gid_$1=\${5-}
    seen_owner_$1=\${6-} seen_group_$1=\${7-} seen_digest_$1='' seen_link_$1='' seen_strip_$1=''"
}

look_inside() { # digests of the regular files among $slots, markers of the trees, texts of the links
  digested=''
  set --
  for slot in $slots; do
    load "${slot#t}"
    [ "$slot" = "$this" ] || place=$temp
    eval "type=\$seen_type_$slot"
    case $type:$kind:$base_digest in
    directory:unpack:* | directory:clear:*) see_marker "$slot" ;;
    file:unpack:* | file:clear:*) ;;
    file:write:* | file:*:?*)
      set -- "$@" "$place"
      digested="$digested $slot"
      ;;
    link:*)
      link=$(readlink -- "$place") || link=''
      eval "seen_link_$slot=\$link"
      ;;
    esac
  done
  [ $# -gt 0 ] || return 0
  sum_lines "$@"
  IFS=$newline
  set -- $lines
  IFS=' '
  for slot in $digested; do
    sum=${1%% *}
    eval "seen_digest_$slot=\${sum#\\\\}" # sha256sum marks a name that it had to quote with a backslash in front
    shift
  done
}

recall() { # what was last seen at the slot $1: $now_*
  eval "now_type=\$seen_type_$1 now_mode=\$seen_mode_$1 now_uid=\$seen_uid_$1 now_gid=\$seen_gid_$1
    now_owner=\$seen_owner_$1 now_group=\$seen_group_$1 now_digest=\$seen_digest_$1 now_link=\$seen_link_$1
    now_strip=\$seen_strip_$1"
  rights="$now_mode $now_owner:$now_group"
  [ -z "$prefix" ] || rights="$now_mode $now_uid:$now_gid"
}

number_of() { # what the name $2 means in /etc/$1 of the root file system; a number means itself: $number
  number=$2
  case $2 in root) number=0 && return ;; *[!0-9]*) ;; *) return ;; esac
  number=''
  [ -f "$prefix/etc/$1" ] && [ ! -L "$prefix/etc/$1" ] || return 1
  while IFS=: read -r entry _ value _ || [ -n "$entry" ]; do
    [ "$entry" != "$2" ] || number=$value
  done <"$prefix/etc/$1"
  case $number in '' | *[!0-9]*) return 1 ;; esac
}

is_named() { # whether the name or number $2 (of /etc/$1) means the number $3, which the running system names $4
  [ -n "$2" ] && [ "$2" != "$3" ] || return 0
  if [ -z "$prefix" ]; then [ "$2" = "$4" ]; else number_of "$1" "$2" && [ "$number" = "$3" ]; fi
}

agrees() { # whether what was recalled has the mode $1, the owner $2 and the group $3, each of which may be left open
  [ "${1:-$now_mode}" = "$now_mode" ] &&
    is_named passwd "$2" "$now_uid" "$now_owner" && is_named group "$3" "$now_gid" "$now_group"
}

# ---- tasks

load_tasks() { # from the stage into numbered variables
  while IFS= read -r line; do
    key=${line%% *}
    decode "${line#* }"
    case $key in
    change | need | after | late) case $decoded in '' | *[!0-9]*) give_up "no number: $line" ;; esac ;;
    esac
    case $key in
    change)
      change=$decoded changes="$changes $decoded"
      eval "result_$change='' needs_$change='' touched_$change='' first_$change=$((tasks + 1)) last_$change=0"
      ;;
    need) eval "needs_$change=\"\$needs_$change $decoded\"" ;;
    refuse) finish "$change" refused "$decoded" ;;
    fail) finish "$change" failed "$decoded" ;;
    task)
      tasks=$((tasks + 1))
      eval "last_$change=$tasks change_$tasks=$change kind_$tasks=\$decoded state_$tasks=todo"
      for key in path directory early after late base base_digest base_mode base_owner base_group base_link mode owner \
        group content fetch digest strip target validate words input timeout staged performed superseded aside; do
        eval "${key}_$tasks=''"
      done
      ;;
    path | directory | early | after | late | base | base_digest | base_mode | base_owner | base_group | base_link | \
      mode | owner | group | content | fetch | digest | strip | target | validate | words | input | timeout)
      eval "${key}_$tasks=\$decoded"
      ;;
    *) give_up "unknown word in the tasks: $key" ;;
    esac
  done <"$stage/tasks"
}

load() { # the task number $1 into plain variables
  this=$1
  eval "kind=\$kind_$1 path=\$path_$1 directory=\$directory_$1 early=\$early_$1 after=\$after_$1 late=\$late_$1
    change=\$change_$1
    base=\$base_$1 base_digest=\$base_digest_$1 base_mode=\$base_mode_$1 base_owner=\$base_owner_$1
    base_group=\$base_group_$1 base_link=\$base_link_$1 mode=\$mode_$1 owner=\$owner_$1 group=\$group_$1
    content=\$content_$1 fetch=\$fetch_$1 digest=\$digest_$1 strip=\$strip_$1 target=\$target_$1
    validate=\$validate_$1 words=\$words_$1 input=\$input_$1 timeout=\$timeout_$1
    state=\$state_$1 staged=\$staged_$1 performed=\$performed_$1 superseded=\$superseded_$1 aside=\$aside_$1"
  eval "verdict=\$result_$change last=\$last_$change"
  place=$prefix$path
  temp=$prefix$directory.reconcile.$nonce.$1
}

finish() { # the change $1 with the status $2 and the text $3
  eval "result_$1=\$2 unwanted=\$first_$1 unwanted_end=\$last_$1"
  [ "$2" = "done" ] || discard "$unwanted" "$unwanted_end"
  emit "change $1 $2" "$3"
}

discard() { # the staged files of the tasks $1 to $2
  unwanted=$1 unwanted_end=$2
  set --
  while [ "$unwanted" -le "$unwanted_end" ]; do
    eval "staged=\$staged_$unwanted folder=\$directory_$unwanted"
    if [ -n "$staged" ]; then
      set -- "$@" "$prefix$folder.reconcile.$nonce.$unwanted"
      eval "staged_$unwanted=''"
    fi
    unwanted=$((unwanted + 1))
  done
  [ $# = 0 ] || take_away "$@" || :
}

take_away() { # files and whole trees of ours; fails with $why
  why=$(rm -rf -- "$@" 2>&1) && return
  # A signal may have ended rm, and a directory may be closed to its owner.
  for unwanted do
    if [ -d "$unwanted" ] && [ ! -L "$unwanted" ]; then chmod -R u+rwX -- "$unwanted" 2>/dev/null || :; fi
  done
  why=$(rm -rf -- "$@" 2>&1)
}

is_open() { # whether the loaded task's change may go on; it is skipped when a change that it needs went wrong
  [ -z "$verdict" ] || return 1
  eval "needs=\$needs_$change"
  for need in $needs; do
    eval "verdict=\${result_$need-}"
    case $verdict in
    '' | done) verdict='' ;;
    *)
      finish "$change" skipped "$need"
      return 1
      ;;
    esac
  done
}

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

# ---- doing

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
  spec_owner=$1 spec_group=$2
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

take_place() { # the one place where new takes the place of old
  why=$(mv -fT -- "$temp" "$place" 2>&1) || {
    # busybox looks through a link to a directory. Only there is a moment with nothing in the place.
    case $why in *" is a directory") [ -L "$place" ] || return 1 ;; *) return 1 ;; esac
    why=$(rm -f -- "$place" 2>&1) && why=$(mv -fT -- "$temp" "$place" 2>&1) || return 1
  }
  eval "staged_$this=''"
}

stage_one() { # the new file, link or tree beside its place, as it will be
  recall "$this"
  why="$temp stands in the way"
  ! exists "$temp" || return 1
  [ -z "$fetch" ] || fetch_content || return 1
  eval "staged_$this=yes"
  case $kind in
  link)
    note_beside && why=$(ln -s -- "$target" "$temp" 2>&1)
    ;;
  unpack)
    ! { note_beside_durably && stage_tree; } || return 0
    [ -z "$stopped" ] || why=interrupted
    return 1
    ;;
  *) note_beside && stage_file ;;
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
    why=$(cp --attributes-only --preserve=all --no-preserve=timestamps -- "$place" "$temp" 2>&1)
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
    write:todo::yes | link:todo::yes | unpack:todo::yes)
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
    cp --attributes-only --preserve=all --no-preserve=timestamps -- "$stage/tasks" "$stage/parents" 2>/dev/null ||
      attributes=no
  fi
  if stage_one; then
    [ "$kind" != write ] || unsynced=$unsynced$temp$newline
  else
    case $kind in
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

judge() { # the loaded task, right before the switches: whether its base still stands and its staged file is whole
  recall "$this"
  if [ -z "$after" ] && is_reached; then
    eval "state_$this=done"
  elif [ -z "$after" ] && ! { is_base && is_possible && is_whole; }; then
    finish "$change" refused "$why"
  else
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
  elif [ -n "$validate" ] && [ -z "$prefix" ] && ! with_words is_valid "$validate"; then
    finish "$change" failed "cannot write $path: $why"
  fi
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
  recall "$this"
  changed=$prefix$directory verb=write
  case $kind in
  write | link) take_place ;;
  unpack) take_tree_place ;;
  clear)
    verb=remove
    note_beside_durably && why=$(mv -fT -- "$place" "$temp.old" 2>&1) && set_aside
    ;;
  directory) verb='make' && make_directory ;;
  remove)
    verb=remove
    if [ "$base" = directory ]; then why=$(rmdir -- "$place" 2>&1); else why=$(rm -f -- "$place" 2>&1); fi
    ;;
  mode)
    verb='set the mode or owner of'
    case $now_type in file | directory) [ ! -r "$place" ] || changed=$place ;; esac
    set_mode
    ;;
  esac || {
    reason "$why"
    finish "$change" failed "cannot $verb $path: $why"
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

close() { # tells of the changes that end among the tasks $1 to $2, once what was done is durable and has been read back
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
}

read_back() {
  is_flushed "$performed" || return 0
  [ -z "$superseded" ] || return 0
  recall "$this"
  is_reached || finish "$change" failed "$path does not read back as it was written: $now_type $rights"
}

program() { # runs the words $@ of the loaded task
  if is_open; then
    (
      trap - HUP INT PIPE QUIT TERM
      exec timeout -k 5 "$timeout" "$@"
    ) <"$stage/$input" >/dev/null 2>"$stage/error" &
    await $!
    case $code:$stopped in
    0:*)
      eval "touched_$change=yes"
      [ "$last" != "$at" ] || finish "$change" 'done' ''
      ;;
    *:yes) finish "$change" failed "$1 was interrupted" ;;
    124:* | 137:* | 143:*) finish "$change" failed "$1 did not end within $timeout s" ;;
    *)
      text=$(tail -c 4000 -- "$stage/error") || text=''
      finish "$change" failed "$1 ended with $code: ${text##*"$newline"}"
      ;;
    esac
  fi
  at=$((at + 1))
}

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

# ---- what is not in force yet

record_effects() {
  [ -z "$prefix" ] || return 0
  news='' rows=''
  while IFS=' ' read -r word number text; do
    eval "verdict=\${result_$number-}"
    case $word:$verdict in
    keep:done) news=yes ;; # what was written anew has a record of its own, if any
    keep:*) rows=$rows,$newline$text ;;
    new:done)
      [ -n "$life" ] || find_life
      news=yes
      rows="$rows,$newline{$text, $life}"
      ;;
    esac
  done <"$stage/effects"
  [ -n "$news" ] || return 0
  mask=077
  [ "$state_folder" != /var/lib/reconcile ] || mask=022
  note=$stage/effects.json
  { why=$(umask "$mask"; exec 2>&1 >"$note"; put "[${rows#,}$newline]") && why=$(sync -- "$note" 2>&1) &&
    why=$(mv -fT -- "$note" "$state_folder/effects.json" 2>&1) && why=$(sync -- "$state_folder" 2>&1); } || {
    reason "$why"
    emit note "what waits for a restart or a new session could not be noted: $why"
  }
}

find_life() { # of the machine, and now: a session that started before now does not have what was just written
  read -r line </proc/sys/kernel/random/boot_id || line=''
  life="\"boot\": \"$line\""
  began_process 1
  life="$life, \"init_started\": $ticks"
  line=$(cat /proc/self/stat) || line=''
  began "$line"
  life="$life, \"started\": $ticks"
}

# ---- the parts of users

start_users() {
  undone=''
  for change in $changes; do
    eval "verdict=\$result_$change"
    [ "$verdict" = "done" ] || undone="$undone $change"
  done
  while IFS=' ' read -r part archive covered user <&3; do
    if [ -n "$stopped" ]; then
      emit "part $part" interrupted
    elif ! find_account "$user" || ! is_covered "$archive" "$covered" || ! start_part; then
      emit "part $part" "$why"
    fi
  done 3<"$stage/users"
}

find_account() { # $account_uid, $account_gid and $home of the user $1; else $why
  account=''
  if [ -f "$prefix/etc/passwd" ] && [ ! -L "$prefix/etc/passwd" ]; then
    while [ -z "$account" ] && { IFS= read -r line || [ -n "$line" ]; }; do
      case $line in "$1":*) account=$line ;; esac
    done <"$prefix/etc/passwd"
  fi
  [ -n "$account$prefix" ] || account=$(getent passwd "$1" 2>/dev/null) || account=''
  why="there is no user $1 here"
  IFS=:
  set -- $account
  IFS=' '
  account_uid=${3-} account_gid=${4-} home=${6-}
  case $account_uid:$account_gid in :* | *: | *[!0-9:]*) return 1 ;; esac
  why="$1 is root: declare it under distro:"
  [ "$account_uid" != 0 ]
}

is_covered() { # whether the archive $1 begins with the lines whose last is the digest $2 of its manifest; if not: $why
  # It would take long to digest it whole here, too: its part does so.
  why='the input did not arrive as it was sent'
  { read -r _ && read -r _ && read -r _ && read -r line; } <"$stage/$1" && [ "$line" = "$2" ]
}

start_part() { # runs $archive with the rights of $user; fails where it did not run to its end, with $why
  # shellcheck disable=SC2016  # the inner shell expands these
  set -- env -i part=user alive="$alive" PATH="$PATH" HOME="$home" USER="$user" LOGNAME="$user" \
    sh -c 'agent=$1; shift; eval "$agent"' reconcile "$agent" "$account_uid" $undone
  why="only root can act for $user"
  if [ "$uid" != 0 ]; then
    [ -n "$prefix" ] || [ "$account_uid" = "$uid" ] || return 1
  elif setpriv --reuid "$account_uid" --regid "$account_gid" --clear-groups true 2>/dev/null; then
    groups=--init-groups
    [ -z "$prefix" ] || groups=--clear-groups # its members are not those of the running system
    set -- setpriv --reuid "$account_uid" --regid "$account_gid" "$groups" --no-new-privs "$@"
  elif [ -n "$prefix" ]; then
    why="setpriv (util-linux) is needed to act for $user of another root file system"
    return 1
  elif command -v runuser >/dev/null; then
    set -- runuser -u "$user" -- "$@"
  elif command -v su >/dev/null; then
    # shellcheck disable=SC2016  # so here
    set -- su -s /bin/sh -c 'exec "$@"' -- "$user" sh "$@"
  else
    why="setpriv, runuser or su is needed to act for $user"
    return 1
  fi
  ! command -v setsid >/dev/null || set -- setsid "$@" # a user's process gets no hold of root's terminal
  (
    trap - HUP INT PIPE QUIT TERM
    exec "$@" 3<&-
  ) <"$stage/$archive" &
  await $!
  why="the part of $user ended early, with status $code"
  [ "$code" = 0 ] || [ "$code" = 65 ]
}

# ---- the run

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
