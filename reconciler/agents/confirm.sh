# shellcheck shell=sh
# A new connection could be made: says so to the machine, which else leads back what may have cut access (apply/watch.sh).
# Its input is the nonce of the run that is watched over. Prints, after its session's nonce, one of
#   confirmed      it stays
#   gone           nobody watches over it any more
#   working        the run is not over yet
#   leading-back   it is too late, and not all is done
#   led-back       it is too late; the records of the way back follow

# shellcheck disable=SC2154  # session.sh assigns these

set -euf
LC_ALL=C
export LC_ALL

answer() {
  case $input in '' | *[!0-9a-f]*) put gone && return ;; esac
  folder=/var/lib/reconcile
  [ "$(id -u)" = 0 ] || folder=${HOME-}/.local/state/reconcile
  watch=$folder/watch.$input
  if [ ! -d "$watch" ]; then
    put gone
  elif [ -f "$watch/report" ]; then
    put led-back
    cat -- "$watch/report"
    rm -rf -- "$watch"
  elif is_at_work; then
    put working
  elif mkdir -- "$watch/decided" 2>/dev/null; then
    rm -rf -- "$watch"
    put confirmed
  else
    put leading-back
  fi
}

is_at_work() { # whether the run still is, by its number and the tick of its start
  { IFS=' ' read -r process began; } 2>/dev/null <"$watch/run" || return 1
  { IFS= read -r line; } 2>/dev/null <"/proc/$process/stat" || return 1
  # shellcheck disable=SC2086  # into its words
  set -- ${line##*) }
  case $1 in Z | X) return 1 ;; esac
  [ "${20-}" = "$began" ]
}

tell_session "$(answer)"
end_signs
