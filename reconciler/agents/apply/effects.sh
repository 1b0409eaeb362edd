# shellcheck shell=sh
# What was written and is not in force yet: the record of model/effects.py.

# shellcheck disable=SC2154,SC2034,SC2086  # other parts of the agent assign and read these; words are split on purpose, at IFS

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
