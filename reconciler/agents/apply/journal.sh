# shellcheck shell=sh
# The journal of a state folder: what is about to be done, what was done, and the bytes before. See model/ledger.
#
#   ledger      rows of JSON, one a line, each durable before what it announces. A row that was cut off is passed over
#   before/G/K  what stood at the path of the task K before the generation G changed it, for its owner alone
#   conflict/   what somebody else wrote in the moment of a switch, and that could not stay in its place
#
# Generations are counted; no clock orders them.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

generation='' begun='' fresh='' copies=''

append() { # the row $1 to the ledger
  why='its ledger is no file'
  if exists "$state_folder/ledger" && { [ ! -f "$state_folder/ledger" ] || [ -L "$state_folder/ledger" ]; }; then return 1; fi
  why='No space left on device'
  put "$newline$1" 2>/dev/null >>"$state_folder/ledger"
}

own_ledger() { # for its owner alone from the first byte on, also where a default access list makes files wider than umask
  exists "$state_folder/ledger" || why=$(exec 2>&1 >"$state_folder/ledger"; chmod 600 -- "$state_folder/ledger")
}

compact() { # the ledger, to what the controller made of it, if it still is what that was made of
  [ -s "$stage/ledger" ] || return 0
  { IFS= read -r known; } <"$stage/ledger.of"
  line=$(sha256sum <"$state_folder/ledger") || return 0
  [ "${line%% *}" = "$known" ] || return 0
  sync -- "$stage/ledger" 2>/dev/null && mv -fT -- "$stage/ledger" "$state_folder/ledger" 2>/dev/null || :
}

begin_generation() { # durable before anything is put anywhere else; fails with $why
  { IFS= read -r generation && IFS= read -r intent; } <"$stage/intent"
  while exists "$state_folder/before/$generation"; do
    generation=$((generation + 1))
  done
  images=$state_folder/before/$generation
  compact
  why=$(mkdir -p -- "$images" 2>&1) && why=$(exec 2>&1 >"$stage/generation"; put "$generation") && own_ledger &&
    append "{\"generation\": $generation, $intent" && begun=yes &&
    why=$(sync -- "$stage/tasks" "$stage/head" "$stage/parents" "$state_folder/ledger" "$stage/generation" "$stage" \
      "$images" "$state_folder/before" "$state_folder" 2>&1)
}

keep_before() { # the bytes at the place of the loaded task, which are to be replaced, but for a secret of ours; fails with $why
  case $now_type:$kind:$after$unkept in file:write: | file:link: | file:remove:) ;; *) return 0 ;; esac
  why=$(umask 177; cp -RP -- "$place" "$images/$this" 2>&1) || return 1 # as it is: what is no file by now is not opened
  eval "kept_$this=yes"
  unsynced=$unsynced$images/$this$newline$images$newline copies=$copies$images/$this$newline
}

close_copies() { # to all but their owner; cp takes over modes, and a default access list of the folder makes them wider
  IFS=$newline
  set -- $copies
  IFS=' '
  copies=''
  [ $# = 0 ] || chmod 600 -- "$@" 2>/dev/null || :
}

is_kept() { # whether what was kept is durable, and what stands at the place of the loaded task
  [ -n "$kept" ] || return 0
  is_flushed "$images/$this" || return 1
  eval "[ \"\$seen_digest_b$this\" = \"\$seen_digest_$this\" ]" && return
  finish "$change" refused "moved since the plan: $path (it changes right now)"
  return 1
}

tell_ledger() { # the changes that were done since it was told last
  [ -z "$generation" ] || [ -z "$fresh" ] || append "{\"generation\": $generation, \"done\": [${fresh%, }]}" ||
    emit note "the journal could not be written on: $why"
  fresh=''
}

keep_conflict() { # the bytes in the file $1 of the task $2, which are somebody else's: $conflict is where they are now
  conflict=$state_folder/conflict/$generation.$2
  while exists "$conflict"; do
    conflict=$conflict.more
  done
  why=$(mkdir -p -- "$state_folder/conflict" 2>&1) && why=$(mv -fT -- "$1" "$conflict" 2>&1) &&
    why=$(sync -- "$state_folder/conflict" 2>&1)
}

settle_gone() { # before the stage goes: else what went may be back after a power loss, and nobody would know whose it is
  flush "$gone"
  gone=''
}

end_generation() { # nothing of this run is left anywhere: durable, so that no later run need look
  [ -n "$generation" ] && [ -z "$outs$unfinished" ] || return 0
  settle_gone
  rm -rf -- "$stage" 2>/dev/null || return 0
  stage=''
  [ -n "$begun" ] || return 0
  if append "{\"generation\": $generation, \"ended\": true}"; then
    sync -- "$state_folder/ledger" 2>/dev/null || :
  else
    emit note "the journal could not be written on: $why"
  fi
}

uninstall() { # what is kept here goes, but for edits of others, unless something of this run was not done
  [ -s "$stage/uninstall" ] || return 0
  for change in $changes; do
    eval "verdict=\$result_$change"
    [ "$verdict" = "done" ] || return 0
  done
  set -- "$state_folder/before" "$state_folder/ledger" "$state_folder/effects.json"
  rmdir -- "$state_folder/conflict" 2>/dev/null || ! exists "$state_folder/conflict" ||
    emit note "edits of others that were kept are in ${state_folder#"$prefix"}/conflict"
  set +f
  set -- "$@" "$state_folder"/watch.* # what is watched over is so no more
  set -f
  settle_gone
  rm -rf -- "$@" "$stage" "$state_folder/lock" 2>/dev/null || emit note "not all of ${state_folder#"$prefix"} could be removed"
  generation='' lock=''
}

forget_generations() { # the oldest, of which nothing is needed any more
  set --
  while IFS= read -r line; do
    case $line in '' | *[!0-9]*) continue ;; esac
    [ ! -d "$state_folder/before/$line" ] || set -- "$@" "$state_folder/before/$line"
  done <"$stage/forget"
  [ $# = 0 ] || rm -rf -- "$@" 2>/dev/null || :
}
