# shellcheck shell=sh
# The tasks, in numbered variables, and what becomes of their changes.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

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
        group content fetch digest strip target validate unkept words input timeout staged performed superseded aside kept valid; do
        eval "${key}_$tasks=''"
      done
      ;;
    path | directory | early | after | late | base | base_digest | base_mode | base_owner | base_group | base_link | \
      mode | owner | group | content | fetch | digest | strip | target | validate | unkept | words | input | timeout)
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
    state=\$state_$1 staged=\$staged_$1 performed=\$performed_$1 superseded=\$superseded_$1 aside=\$aside_$1
    kept=\$kept_$1 unkept=\$unkept_$1 valid=\$valid_$1"
  eval "verdict=\$result_$change last=\$last_$change"
  place=$prefix$path
  temp=$prefix$directory.reconcile.$nonce.$1
}

finish() { # the change $1 with the status $2 and the text $3
  eval "result_$1=\$2 unwanted=\$first_$1 unwanted_end=\$last_$1"
  if [ "$2" = "done" ]; then fresh="$fresh$1, "; else discard "$unwanted" "$unwanted_end"; fi
  emit "change $1 $2" "$3"
}

discard() { # the staged files of the tasks $1 to $2
  unwanted=$1 unwanted_end=$2
  set --
  while [ "$unwanted" -le "$unwanted_end" ]; do
    eval "staged=\$staged_$unwanted folder=\$directory_$unwanted"
    if [ -n "$staged" ]; then
      set -- "$@" "$prefix$folder.reconcile.$nonce.$unwanted"
      gone=$gone$prefix$folder$newline
      eval "staged_$unwanted=''"
    fi
    unwanted=$((unwanted + 1))
  done
  [ $# = 0 ] || take_away "$@" || unfinished=yes
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
