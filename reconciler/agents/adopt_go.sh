#!/bin/sh
# Puts a link in the place of a directory, and the directory aside: `sh -c THIS adopt-go PLACE TARGET ASIDE`.
#
# Prints   why not, on stderr.
# Never    removes or replaces anything: ASIDE must be free. Where the link cannot take the place, the directory gets it back.

place=$1 target=$2 aside=$3 new=$1.new

refuse() {
  echo "$1" >&2
  exit 1
}

[ -d "$place" ] && [ ! -L "$place" ] || refuse "moved since the plan: $place is no directory now"
[ ! -e "$aside" ] && [ ! -L "$aside" ] || refuse "$aside is in the way"
ln -s -- "$target" "$new" || exit
if mv -- "$place" "$aside"; then
  mv -- "$new" "$place" && exit
  mv -- "$aside" "$place"
fi
rm -f -- "$new"
exit 1
