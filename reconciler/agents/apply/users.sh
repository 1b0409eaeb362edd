# shellcheck shell=sh
# The parts of users, each with that user's rights.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

start_users() {
  undone=''
  for change in $changes; do
    eval "verdict=\$result_$change"
    [ "$verdict" = "done" ] || undone="$undone $change"
  done
  while IFS=' ' read -r part archive covered longest user <&3; do
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
  { read -r _ && read -r part_nonce && read -r _ && read -r _ && read -r line; } <"$stage/$1" && [ "$line" = "$2" ]
}

start_part() { # runs $archive with the rights of $user; fails where it did not run to its end, with $why
  set -- env -i part=user alive="$alive" PATH="$PATH" HOME="$home" USER="$user" LOGNAME="$user" \
    sh -c "$again" reconcile "$agent" "$account_uid" $undone
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
  find_limit
  [ -z "$limit" ] || set -- timeout $limit "$longest" "$@"
  ! command -v setsid >/dev/null || set -- setsid "$@" # a user's process gets no hold of root's terminal
  listen || return 1
  (
    trap - HUP INT PIPE QUIT TERM
    exec "$@" 3<&- 8>&- 9>&-
  ) <"$stage/$archive" >&8 2>&8 &
  group=$!
  await "$group"
  ended=$code
  hush
  code=$ended
  case $code in 0 | 65) return 0 ;; esac
  kill -KILL "-$group" 2>/dev/null || : # what it had started would hold our streams open
  case $stopped:$code in
  yes:*) why=interrupted ;;
  :124 | :137 | :143) why="the part of $user did not end within $longest s" ;;
  *) why="the part of $user ended early, with status $code" ;;
  esac
  return 1
}

listen() { # what a part says comes through a process of ours: whoever keeps its streams open does not hold up ours
  if ! why=$(mkfifo -- "$stage/said.$part" 2>&1) || ! command exec 8<>"$stage/said.$part"; then
    why=${why##*: }
    why="the part of $user cannot be heard: ${why:-no pipe can be had}"
    return 1
  fi
  (
    trap '' INT QUIT TERM
    exec 3<&- 8>&- 9>&-
    while IFS= read -r line; do
      case $line in
      "$part_nonce "*) put "$newline$line" ;;
      "$nonce over") break ;;
      ?*) put "$newline$line" >&2 ;;
      esac || : # nobody listens any more
    done
  ) <"$stage/said.$part" &
  ear=$!
}

hush() { # the part has ended, and all that it has said is on its way
  put "$newline$nonce over" >&8
  exec 8>&-
  await "$ear"
}

find_limit() { # how a user's part is ended when its time is over: told first, where timeout can do so; empty: it cannot be
  for limit in '-k 5' '-s KILL' ''; do
    [ -n "$limit" ] && ! timeout $limit 5 true 2>/dev/null || return 0
  done
}
