# shellcheck shell=sh
# One writer at a time in a state folder.
#
# With flock the kernel frees the lock when its holder is dead, however it died. Programs that tasks run do not hold it:
# a daemon that one of them starts would hold it for good.
# Without flock a folder is the lock, which takes its place whole by a rename that fails where one stands. It says who
# holds it: boot, pid namespace, process, when that began. It is taken over when that process is gone; of one in another
# namespace nobody can tell. When two find the same holder dead, the slower puts back what it took away wrongly.

# shellcheck disable=SC2154,SC2034  # other parts of the agent assign and read these

lock_folder='' lock=''

take_lock() { # of $state_folder, for who $1 is, as long as this process lives
  lock=$state_folder/lock
  if exists "$lock" && { [ ! -f "$lock" ] || [ -L "$lock" ]; }; then give_up "no lock can be had: $lock is no file"; fi
  if command -v flock >/dev/null; then
    why=$(exec 2>&1; true <>"$lock") || give_up "no lock can be had: ${why##*: }"
    command exec 9<>"$lock" || give_up 'no lock can be had' # both ways: nobody waits, should a pipe be there by now
    flock -n 9 9>&9 || {
      said=''
      { IFS= read -r said <"$lock"; } 2>/dev/null || :
      lock=''
      tell_holder
    }
    put "process $$, $1" 2>/dev/null >&9 || :
  else
    find_self
    take_lock_folder "$1"
  fi
}

tell_holder() { # who has the lock: $said is its text, $1 the way out, where there is one
  emit busy "another run is at work here: ${said:-nobody knows whose}${1-}"
  exit 65
}

find_self() { # this process in words that no other has: $self
  boot='' space=''
  { IFS= read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || :
  space=$(readlink /proc/self/ns/pid 2>/dev/null) || :
  began_process $$
  self="$boot ${space:-pid} $$ $ticks"
}

take_lock_folder() { # for who $1 is
  mine=$stage/lock.try
  while :; do
    { why=$(mkdir -p -- "$mine" 2>&1) && why=$(exec 2>&1 >"$mine/holder"; put "process $$, $1$newline$self"); } ||
      give_up "no lock can be had: ${why##*: }"
    lock_folder=$state_folder/lock.d
    ! mv -T -- "$mine" "$lock_folder" 2>/dev/null || break
    # One that says nothing is what a power loss left.
    read_holder "$lock_folder" || [ -f "$lock_folder/holder" ] || continue
    judge_holder
    seen=$holder
    ! mv -T -- "$lock_folder" "$stage/lock.gone" 2>/dev/null || give_back
  done
}

read_holder() { # of the lock folder $1: $said for people, and $holder in the words of find_self
  said='' holder=''
  { IFS= read -r said && IFS= read -r holder; } 2>/dev/null <"$1/holder"
}

judge_holder() { # ends where it lives, or may live
  IFS=' '
  # shellcheck disable=SC2086  # into its words
  set -- $holder
  began_process "${3-0}"
  case "${1-} ${2-}" in
  "$boot ${space:-pid}") [ "$ticks" != "${4-}" ] || [ "$ticks" = 0 ] || leave_lock ;;
  "$boot "*) leave_lock ", in another container; if it is gone:  rm -r $lock_folder" ;;
  esac
}

leave_lock() { # to its holder
  rm -rf -- "$mine"
  lock_folder=''
  tell_holder "${1-}"
}

give_back() { # what was taken away wrongly: somebody else had taken it over meanwhile
  gone=$stage/lock.gone
  if read_holder "$gone" && [ "$holder" != "$seen" ]; then
    ! mv -T -- "$gone" "$lock_folder" 2>/dev/null || return 0
  fi
  rm -rf -- "$gone"
}

give_lock_up() { # at the end
  if [ -n "$lock_folder" ]; then
    ! has_lock || rm -rf -- "$lock_folder"
  elif [ -n "$lock" ]; then
    put '' 2>/dev/null >"$lock" || : # what it said holds no more
  fi
}

has_lock() { # whether the folder, where one is the lock, is still ours
  [ -n "$lock_folder" ] || return 0
  read_holder "$lock_folder" && [ "$holder" = "$self" ]
}
