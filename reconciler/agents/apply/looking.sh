# shellcheck shell=sh
# What stands at paths: seen_*_SLOT, and now_* once it is recalled.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

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

look() { # at what stands at the paths of the tasks $1 to $2, at their staged files and what was kept: seen_*_SLOT
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
      if [ -n "$kept" ]; then
        set -- "$@" "$images/$look_at"
        slots="$slots b$look_at"
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
    load "${slot#[tb]}"
    case $slot in
    t*) place=$temp ;;
    b*) place=$images/$this base_digest=any ;;
    esac
    eval "type=\$seen_type_$slot"
    case $type:$kind:$base_digest in
    directory:unpack:* | directory:clear:*) see_marker "$slot" ;;
    file:unpack:* | file:clear:*) ;;
    file:write:* | file:remove:* | file:link:* | file:*:?*)
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
  [ -n "$2" ] && [ "$2" != "$3" ] && [ "$2:$3" != root:0 ] || return 0
  if [ -z "$prefix" ]; then [ "$2" = "$4" ]; else number_of "$1" "$2" && [ "$number" = "$3" ]; fi
}

agrees() { # whether what was recalled has the mode $1, the owner $2 and the group $3, each of which may be left open
  [ "${1:-$now_mode}" = "$now_mode" ] &&
    is_named passwd "$2" "$now_uid" "$now_owner" && is_named group "$3" "$now_gid" "$now_group"
}
