# shellcheck shell=sh
# Trees (what archives hold), and bytes that the machine fetches by itself.
#
# A tree has a marker in it that says which archive it is (see model/tasks.py). It is unpacked beside its place, looked
# through and made durable there, and takes its place by a rename. Where one was unpacked before, that is renamed aside
# first and removed afterwards; nothing else is ever replaced. The next run after one that was killed takes away what is
# beside its place, or finishes the exchange where nothing was in the place: see recovery.sh.

# shellcheck disable=SC2086  # words are split on purpose, at IFS, without globs
# shellcheck disable=SC2154,SC2034  # other parts of the agent assign and read these

marker_name=.reconcile-archive
asides=''

# ---- looking

see_marker() { # keep what the marker in the directory $place says, for the slot $1
  eval "is_ours \"\$seen_uid_$1\" \"\$seen_mode_$1\"" || return 0
  marker='' marker_strip=''
  if [ -f "$place/$marker_name" ] && [ ! -L "$place/$marker_name" ]; then
    { IFS=' ' read -r marker marker_strip <"$place/$marker_name"; } 2>/dev/null || :
  fi
  eval "seen_digest_$1=\$marker seen_strip_$1=\$marker_strip"
}

is_ours() { # whether root may look into the directory with the owner $1 and the mode $2: nobody else can change what is in it
  case $uid:$1:$2 in
  0:0:*[2367] | 0:0:*[2367]?) return 1 ;;
  0:0:* | [1-9]*) return 0 ;;
  esac
  return 1
}

is_empty() { # whether nothing is in the directory $1
  set +f
  for inside in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if exists "$inside"; then
      set -f
      return 1
    fi
  done
  set -f
}

is_replaceable() { # whether the directory that was recalled may go with all that is in it; if not: $why
  if ! is_ours "$now_uid" "$now_mode"; then
    why="$path can be changed by others: root keeps out of it"
  elif [ -z "$base_digest" ] && { [ "$kind" = clear ] || ! is_empty "$place"; }; then
    why="$path is not empty and was not unpacked by reconcile: it stays"
  elif is_mounted_on; then
    why="something is mounted on $path or below it"
  fi
  [ -z "$why" ]
}

is_mounted_on() { # whether something is mounted at $place or below it
  [ -r /proc/self/mountinfo ] || return 1
  mounted=$path
  [ -z "$prefix" ] || mounted=${PWD%/}$path
  octal "$mounted"
  while IFS=' ' read -r _ _ _ _ mounted _; do
    case $mounted/ in "$encoded"/*) return 0 ;; esac
  done </proc/self/mountinfo
  return 1
}

octal() { # the path $1 as /proc/self/mountinfo has it: $encoded
  encoded='' rest=$1
  tab=$(printf '\t') # not as it is: this text is shown to people
  while :; do
    case $rest in
    *[\\"$tab "]*)
      head=${rest%%[\\"$tab "]*}
      rest=${rest#"$head"}
      case $rest in
      \\*) encoded=$encoded$head'\134' ;;
      ' '*) encoded=$encoded$head'\040' ;;
      *) encoded=$encoded$head'\011' ;;
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

is_whole() { # whether, of what goes with all that is in it, nobody but root can change anything; if not: $why
  why=''
  case $uid:$kind:$now_type in 0:unpack:directory | 0:clear:directory) ;; *) return 0 ;; esac
  why=$(find "$place" -type d \( ! -user 0 -o -perm -2 -o -perm -20 \) 2>&1) || return 1
  [ -n "$why" ] || return 0
  why=$path${why#"$place"}
  why="${why%%"$newline"*} can be changed by others: root keeps out of it"
  return 1
}

# ---- beside the place

fetch_content() { # the bytes that the machine gets by itself, once for all tasks that want them: $content
  content=fetched.$digest
  [ ! -f "$stage/$content" ] || return 0
  doing "fetching $fetch"
  why='there is no curl here to fetch it with'
  command -v curl >/dev/null || return 1
  protocols='=http,https'
  case $fetch in https:*) protocols='=https' ;; esac
  labour curl -fsSL --proto "$protocols" --proto-redir "$protocols" --connect-timeout 30 --speed-limit 1024 \
    --speed-time 60 --max-time 3000 --max-filesize 4294967296 -o "$stage/fetching" --url "$fetch" || {
    why="$fetch: $why"
    return 1
  }
  line=$(sha256sum <"$stage/fetching") || line=''
  why="$fetch holds something else: its SHA-256 is ${line%% *} in place of $digest"
  [ "${line%% *}" = "$digest" ] || return 1
  why=$(mv -fT -- "$stage/fetching" "$stage/$content" 2>&1)
}

stage_tree() { # what the archive holds, whole, contained and durable
  doing "unpacking $path"
  why=$(mkdir -- "$temp" 2>&1) || {
    reason "$why"
    return 1
  }
  why=$(od -An -tx1 -N6 "$stage/$content" 2>&1) || return 1
  set -- $why
  case $* in
  '1f 8b '*) letter=z ;;
  'fd 37 7a 58 5a '*) letter=J ;;
  '42 5a 68 '*) letter=j ;;
  *) letter='' ;;
  esac
  # Not all of tar's kin find out by themselves how an archive is compressed.
  umask 022
  labour tar "-x${letter}of" "$stage/$content" --strip-components "$strip" -C "$temp" || plain_words
  umask 077
  [ "$code" = 0 ] || return 1
  why="the archive holds a $marker_name of its own"
  ! exists "$temp/$marker_name" || return 1
  why='the archive holds nothing'
  [ "$strip" = 0 ] || why="the archive holds nothing below $strip leading components"
  ! is_empty "$temp" || return 1
  is_contained || return 1
  why=$(umask 022; exec 2>&1 >"$temp/$marker_name"; put "$digest $strip") || return 1
  labour chmod -R u+rwX,go-w,ug-s,a-t -- "$temp" || return 1
  if [ -n "$owner$group" ]; then
    spec_of "$owner" "$group" && labour chown -Rh -- "$spec" "$temp" || return 1
  fi
  dress "$temp" '' '' "$mode" || return 1
  labour sync -f -- "$temp" || case $why in
  *' option'*) labour sync ;; # it syncs everything there is
  *) return 1 ;;
  esac
}

is_contained() { # whether what was unpacked are files, directories and links that stay in it; if not: $why
  why=$(find "$temp" -type l -o ! -type f ! -type d -o ! -type d -links +1 2>&1 >"$stage/links") || return 1
  [ -s "$stage/links" ] || return 0
  while IFS= read -r line; do
    below=${line#"$temp"/}
    why="the archive holds a link with a line end in its name"
    [ "$below" != "$line" ] || return 1
    if [ -L "$line" ]; then
      why="the archive holds a link that leads out of it: $below"
      link=$(readlink -- "$line") && leads_inside || return 1
    else
      why="the archive holds $below, which is no file, directory or link"
      [ -f "$line" ] || return 1
    fi
  done <"$stage/links"
  # A file that has more names than were found has one elsewhere.
  why=$(find "$temp" ! -type d -links +1 -exec stat -c '%i %h' {} + 2>&1 >"$stage/links") &&
    why=$(sort "$stage/links" 2>&1 >"$stage/sorted") &&
    why=$(uniq -c "$stage/sorted" 2>&1 >"$stage/links") || return 1
  while IFS=' ' read -r count number names; do
    why='the archive holds a hard link that leads out of it'
    [ "$count" = "$names" ] || return 1
  done <"$stage/links"
}

leads_inside() { # whether the text $link of the link $below stays where that is: it goes up first, if at all, and not too far
  rest=$below
  while :; do
    case $link in
    .. | ../*) ;;
    *) break ;;
    esac
    case $rest in
    */*) rest=${rest#*/} ;;
    *) return 1 ;;
    esac
    link=${link#..} link=${link#/}
  done
  case /$link/ in
  //* | */../*) [ -z "$link" ] || return 1 ;;
  esac
}

# ---- the switch

take_tree_place() { # a directory takes an empty one's place at once, another goes aside first
  verb=unpack
  if [ "$now_type:$after" = directory: ] && [ -n "$base_digest" ]; then
    why=$(mv -fT -- "$place" "$temp.old" 2>&1) || return 1
    why=$(mv -fT -- "$temp" "$place" 2>&1) || {
      mv -fT -- "$temp.old" "$place" 2>/dev/null || why="what was there is ${temp#"$prefix"}.old now"
      return 1
    }
    set_aside
  else
    why=$(mv -fT -- "$temp" "$place" 2>&1) || return 1
  fi
  eval "staged_$this=''"
}

set_aside() { # what the loaded task renamed is taken away once that is durable
  eval "aside_$this=yes"
  asides=$asides$temp.old$newline gone=$gone$prefix$directory$newline
}

take_away_aside() { # what stood at the place of the loaded task
  eval "aside_$this='' verdict=\$result_$change"
  doing "removing what was at $path"
  take_away "$temp.old" && return
  reason "$why"
  [ -n "$verdict" ] || finish "$change" failed "cannot remove all that was at $path: $why"
}
